/**
 * Returns a copy of a value that is about to be shown and stored. What a form holds is a proxy in Vue and Svelte: shown itself, it would
 * change with the form. Only arrays and plain objects are copied; whether all of it can be stored is for the store to say.
 */
export function copyPlain<T>(value: T, copies = new Map<unknown, unknown>()): T {
  const isArray = Array.isArray(value);
  if (!isArray && !isPlainObject(value)) return value;
  const known = copies.get(value);
  if (known !== undefined) return known as T;
  const copy = (isArray ? Object.assign([], value) : { ...value }) as Record<string, unknown>;
  if (isArray) copy['length'] = value.length;
  copies.set(value, copy);
  for (const name of Object.keys(copy)) copy[name] = copyPlain(copy[name], copies);
  return copy as T;
}

function isPlainObject(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
