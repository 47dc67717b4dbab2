import { isPlainObject } from './native-types.ts';

/** Freezes plain objects and arrays, at every level, and returns the value. Other objects, such as a `Map`, stay as they are. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  if (!Array.isArray(value) && !isPlainObject(value)) return value;
  Object.freeze(value);
  for (const member of Object.values(value)) deepFreeze(member);
  return value;
}
