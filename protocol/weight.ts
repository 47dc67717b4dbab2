/** What any part of a message takes besides its contents. */
const PART = 8;

/**
 * About how many bytes something takes in a message: exactly those of strings' characters and of byte arrays, and a little for
 * each part. What is referred to twice counts once, as in structured clone. O(parts), however deep they stand in each other.
 */
export function weightOf(value: unknown): number {
  if (typeof value === 'string') return PART + value.length;
  if (typeof value !== 'object' || value === null) return PART;
  if (ArrayBuffer.isView(value)) return PART + value.byteLength;
  let weight = 0;
  const seen = new Set<object>();
  const left: unknown[] = [value];
  while (left.length > 0) {
    const part = left.pop();
    weight += PART;
    if (typeof part === 'string') weight += part.length;
    else if (typeof part === 'object' && part !== null && seen.size < seen.add(part).size) {
      if (ArrayBuffer.isView(part) || part instanceof ArrayBuffer) weight += part.byteLength;
      else if (Array.isArray(part) || part instanceof Set) for (const element of part) left.push(element);
      else if (part instanceof Map) for (const [key, element] of part) left.push(key, element);
      else for (const name of Object.keys(part)) left.push(name, (part as Record<string, unknown>)[name]);
    }
  }
  return weight;
}
