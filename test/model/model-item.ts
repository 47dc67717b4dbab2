import type { Key } from '../../protocol/key.ts';
import { compareKeys } from '../values/key-model.ts';

export interface ModelItem {
  readonly key: Key;
  readonly value: unknown;
  readonly storedAt: number;
  readonly expiresAt: number | undefined;
  readonly tag: string | number | undefined;
  /** The queue it was pushed to; `null` is the queue without a prefix. */
  readonly queue: Key | undefined;
  /** Its number among all items ever set. */
  readonly position: number;
}

export const sameKey = (a: Key, b: Key): boolean => a === b || (typeof a === typeof b && compareKeys(a, b) === 0);

/** Returns a key as it comes back: −0 becomes 0 everywhere in it. */
export function cloneKey(key: Key): Key {
  if (typeof key === 'number') return key + 0;
  if (Array.isArray(key)) return key.map(cloneKey);
  if (typeof key !== 'object' || key === null || key instanceof Date || key instanceof Uint8Array) return key;
  return Object.fromEntries(Object.entries(key).map(([name, part]) => [name, cloneKey(part)]));
}

/** Whether a string begins with the characters, or an array with the elements, of a prefix. */
export function startsWith(key: Key, prefix: Key): boolean {
  if (typeof prefix === 'string') return typeof key === 'string' && key.startsWith(prefix);
  if (!Array.isArray(key) || !Array.isArray(prefix) || key.length < prefix.length) return false;
  return prefix.every((part, index) => sameKey(part, key[index] as Key));
}
