/** Half of a character beyond the first 65 536, which the order of UTF-8 and that of JavaScript place differently. */
const SURROGATE = /[\ud800-\udfff]/;

/** Compares two keys in the order of stores; NaN where that takes more than this page knows. */
export function compareKeys(one: unknown, other: unknown): number {
  if (Array.isArray(one) && Array.isArray(other)) {
    for (let at = 0; at < one.length && at < other.length; at++) {
      const order = compareKeys(one[at], other[at]);
      if (order !== 0) return order;
    }
    return one.length - other.length;
  }
  if (typeof one === 'number' && typeof other === 'number') return one === other ? 0 : one - other;
  if (typeof one !== 'string' || typeof other !== 'string' || SURROGATE.test(one + other)) return Number.NaN;
  return one < other ? -1 : Number(one > other);
}
