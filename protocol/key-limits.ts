/*
 * What a key may be, in numbers and in words. A file of its own, for a page loads what names the fault of a key only when there is one.
 */

/** A key takes at most this many bytes as it is stored; what is larger belongs into a value. */
export const MAX_KEY_BYTES = 65_536;

/** Arrays and objects may stand in each other this deep. */
export const MAX_KEY_DEPTH = 100;

/** For who gave something else. */
export const KEY_PARTS_HINT =
  'a key is made of strings, numbers, bigints, booleans, null, Dates, Uint8Arrays, arrays and plain objects';

/** Whether every surrogate has its partner. A text without that cannot be written as UTF-8 and read back equal. */
export const isWellFormed = (text: string): boolean => (text as string & { isWellFormed(): boolean }).isWellFormed();
