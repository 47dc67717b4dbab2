import { isPlainObject } from './native-types.ts';

/** Freezes plain objects and arrays, at every level, and returns the value. Other objects, such as a `Map`, stay as they are. */
export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && (Array.isArray(value) || isPlainObject(value))) {
    // Frozen objects are skipped, so that a cycle ends.
    if (!Object.isFrozen(value)) for (const member of Object.values(Object.freeze(value))) deepFreeze(member);
  }
  return value;
}
