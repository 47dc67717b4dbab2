/** A part of a character above U+FFFF. UTF-8, by which stores order, and JavaScript order these differently. */
const SURROGATE = /[\ud800-\udfff]/;

/** Compares two keys in the order of stores. Returns NaN for keys whose order only the store knows. */
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
