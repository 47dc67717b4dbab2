/** What any part of a message takes besides its contents. */
const PART = 8;

/**
 * About how many bytes something takes in a message: exactly those of strings' characters and of byte arrays, and a little for
 * each part. What is referred to twice counts once, as in structured clone. O(parts), however deep they stand in each other.
 */
export function weightOf(value: unknown): number {
  let weight = PART;
  if (typeof value !== 'object' || value === null) return typeof value === 'string' ? weight + value.length : weight;
  /** Without parts that are objects nothing has to be remembered. */
  let seen: Set<unknown> | undefined;
  const left: object[] = [];
  function add(part: unknown): void {
    weight += PART;
    if (typeof part === 'string') weight += part.length;
    else if (typeof part === 'object' && part !== null && part !== value) {
      seen ??= new Set();
      if (seen.size < seen.add(part).size) left.push(part);
    }
  }
  for (let part: object | undefined = value; part !== undefined; part = left.pop()) {
    if (ArrayBuffer.isView(part) || part instanceof ArrayBuffer) weight += part.byteLength;
    else if (Array.isArray(part) || part instanceof Set) for (const element of part) add(element);
    else if (part instanceof Map) for (const entry of part) entry.forEach(add);
    else {
      for (const name of Object.keys(part)) {
        add(name);
        add((part as Record<string, unknown>)[name]);
      }
    }
  }
  return weight;
}
