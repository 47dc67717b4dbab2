import type { Key } from './key.ts';

/**
 * Returns a string or number that is equal for equal keys, for use in a `Map`. The text of an array, date or other key begins with a lone
 * surrogate, which no string key contains, so that the two never collide.
 */
export const toKeyId = (key: Key): string | number =>
  typeof key === 'string' || typeof key === 'number' ? key : `\ud800${toText(key)}`;

function toText(key: Key): string {
  if (typeof key === 'string') return JSON.stringify(key);
  if (typeof key !== 'object' || key === null) return typeof key + String(key);
  if (Array.isArray(key)) return `[${key.map(toText)}]`;
  if (key instanceof Date) return `date${Number(key)}`;
  if (key instanceof Uint8Array) return `bytes${key}`;
  const object = key as { readonly [name: string]: Key };
  const names = Object.keys(object).sort();
  return `{${names.map((name) => JSON.stringify(name) + toText(object[name]!))}}`;
}
