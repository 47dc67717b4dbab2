import type { Key } from './key.ts';

/** Returns a `Map` key for a key: equal for equal keys. The text of other keys than strings and numbers equals no string key. */
export const toKeyId = (key: Key): string | number =>
  typeof key === 'string' || typeof key === 'number' ? key : `\ud800${toText(key)}`;

/** A key can't have a lone surrogate, with which the text of a key begins. */
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
