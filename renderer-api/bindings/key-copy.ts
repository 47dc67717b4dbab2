/**
 * Copies a key or a range. Observers outlive the component that gave it and are shared with other components, but reactive state of the component
 * may change.
 */
export function copyKey<T>(key: T): T {
  if (Array.isArray(key)) return key.map(copyKey) as T;
  if ((key as object | null | undefined)?.constructor !== Object) return key;
  return Object.fromEntries(Object.entries(key as object).map(([name, part]) => [name, copyKey(part)])) as T;
}
