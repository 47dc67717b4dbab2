import type { Key } from '../../protocol/key.ts';
import { compareKeys } from '../values/key-model.ts';

export interface ModelItem {
  readonly key: Key;
  readonly value: unknown;
  readonly storedAt: number;
  readonly expiresAt: number | undefined;
  readonly tag: string | number | undefined;
  /** The queue it was pushed to; `null` is the one without a name. */
  readonly queue: Key | undefined;
  /** Which one it was of all that were ever set. */
  readonly position: number;
}

export const sameKey = (a: Key, b: Key): boolean => a === b || (typeof a === typeof b && compareKeys(a, b) === 0);

/** A key as it comes back: −0 is 0, everywhere in it. */
export function cloneKey(key: Key): Key {
  if (typeof key === 'number') return key + 0;
  if (Array.isArray(key)) return key.map(cloneKey);
  if (typeof key !== 'object' || key === null || key instanceof Date || key instanceof Uint8Array) return key;
  return Object.fromEntries(Object.entries(key).map(([name, part]) => [name, cloneKey(part)]));
}

/** A string by its first characters, an array by its first elements. */
export function startsWith(key: Key, prefix: Key): boolean {
  if (typeof prefix === 'string') return typeof key === 'string' && key.startsWith(prefix);
  if (!Array.isArray(key) || !Array.isArray(prefix) || key.length < prefix.length) return false;
  return prefix.every((part, index) => sameKey(part, key[index] as Key));
}
