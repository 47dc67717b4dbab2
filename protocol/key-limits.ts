/* The limits of keys, in numbers and in words. Separate, because a page loads the code that names a key's fault only when there is one. */

/** Maximum size of a stored key; larger data belongs in a value. */
export const MAX_KEY_BYTES = 65_536;

/** Maximum nesting depth of arrays and objects in a key. */
export const MAX_KEY_DEPTH = 100;

/** Appended to errors about other types. */
export const KEY_PARTS_HINT =
  'a key is made of strings, numbers, bigints, booleans, null, Dates, Uint8Arrays, arrays and plain objects';

/** Returns whether every surrogate is paired. Other strings can't be written as UTF-8 and read back equal. */
export const isWellFormed = (text: string): boolean => (text as string & { isWellFormed(): boolean }).isWellFormed();
