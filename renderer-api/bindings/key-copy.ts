/**
 * Returns a copy of a key, or of a range. Observers outlive the component that gave it, and share it with others: if it is reactive state,
 * it may change in the meantime.
 */
export function copyKey<T>(key: T): T {
  if (Array.isArray(key)) return key.map(copyKey) as T;
  if ((key as object | null | undefined)?.constructor !== Object) return key;
  return Object.fromEntries(Object.entries(key as object).map(([name, part]) => [name, copyKey(part)])) as T;
}
