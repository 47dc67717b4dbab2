/** Maximum holes in all arrays of a message together: holes cost the sender nothing. */
const MAX_ARRAY_HOLES = 10_000;
/** Maximum additional bytes that repeated references may stand for when written out. */
const MAX_REPEATED_BYTES = 64 * 2 ** 20;
/** Overhead of an object and of any other part in addition to its bytes; these values allow a million objects to be repeated. */
const OBJECT_OVERHEAD_BYTES = 64;
const PART_OVERHEAD_BYTES = 8;

/**
 * Returns whether a message expands to far more than was sent ("billion laughs"). An array with four billion holes takes a few bytes to
 * send, and so do forty arrays that each reference the next one twice; walking or comparing them would never end. Cycles are not counted.
 * O(actual parts), at any depth.
 */
export function isExpansionBomb(message: object): boolean {
  // Almost every message is small even when written out: then no part needs to be remembered.
  return !new QuickCheck().isSmall(message, 0) && isBombExactly(message);
}

/** Limits of the first attempt, which takes a fraction of a millisecond: parts and depth. */
const MAX_QUICK_PARTS = 20_000;
const MAX_QUICK_DEPTH = 50;

/**
 * Walks a message as if each part were referenced only once, and gives up on large messages.
 *
 * Invariant: visits at most `MAX_QUICK_PARTS` parts, however often they are referenced.
 */
class QuickCheck {
  #parts = 0;
  #weight = 0;

  /** Returns whether a part has no holes and is, written out, smaller than the repetition limit; false if that is unknown. */
  isSmall(part: object, depth: number): boolean {
    if (depth === MAX_QUICK_DEPTH) return false;
    this.#weight += OBJECT_OVERHEAD_BYTES;
    if (Array.isArray(part)) {
      this.#parts += part.length;
      if (this.#parts > MAX_QUICK_PARTS) return false;
      for (let at = 0; at < part.length; at++) {
        const inner = part[at];
        if (inner === undefined && !Object.hasOwn(part, at)) return false;
        if (!this.#isSmallPart(inner, depth)) return false;
      }
    } else if (ArrayBuffer.isView(part)) {
      this.#weight += part.byteLength;
    } else {
      if (Object.getPrototypeOf(part) !== Object.prototype) return false;
      for (const name in part) {
        this.#weight += name.length;
        if (++this.#parts > MAX_QUICK_PARTS || !this.#isSmallPart((part as Record<string, unknown>)[name], depth)) {
          return false;
        }
      }
    }
    return this.#weight <= MAX_REPEATED_BYTES;
  }

  #isSmallPart(part: unknown, depth: number): boolean {
    if (typeof part === 'object' && part !== null) return this.isSmall(part, depth + 1);
    this.#weight += typeof part === 'string' ? PART_OVERHEAD_BYTES + part.length : PART_OVERHEAD_BYTES;
    return true;
  }
}

/** The exact check: remembers each part, and so visits it once. */
function isBombExactly(message: object): boolean {
  let holes = 0;
  let sentBytes = 0;
  /** The size of each part with everything it references; 0 while it is unknown. */
  const expandedBytes = new Map<object, number>();
  const stack = [message];
  for (let part = stack.at(-1); part !== undefined; part = stack.at(-1)) {
    const known = expandedBytes.get(part);
    if (known === undefined) {
      if (Array.isArray(part)) holes += countHoles(part, MAX_ARRAY_HOLES - holes);
      if (holes > MAX_ARRAY_HOLES) return true;
      expandedBytes.set(part, 0);
      const before = stack.length;
      for (const inner of getParts(part)) if (isObject(inner) && !expandedBytes.has(inner)) stack.push(inner);
      if (stack.length > before) continue;
    }
    stack.pop();
    // Pushed twice, because two parts referenced it before it was visited.
    if (known !== undefined && known > 0) continue;
    let ownBytes = OBJECT_OVERHEAD_BYTES + getOwnBytes(part);
    let weight = 0;
    for (const inner of getParts(part)) {
      if (isObject(inner)) weight += expandedBytes.get(inner) ?? 0;
      else ownBytes += typeof inner === 'string' ? PART_OVERHEAD_BYTES + inner.length : PART_OVERHEAD_BYTES;
    }
    sentBytes += ownBytes;
    expandedBytes.set(part, ownBytes + weight);
  }
  return (expandedBytes.get(message) ?? 0) - sentBytes > MAX_REPEATED_BYTES;
}

/** Stops counting above `limit`. */
function countHoles(array: readonly unknown[], limit: number): number {
  let holes = 0;
  for (let at = 0; at < array.length && holes <= limit; at++) {
    if (array[at] === undefined && !Object.hasOwn(array, at)) holes++;
  }
  return holes;
}

const isObject = (part: unknown): part is object => typeof part === 'object' && part !== null;

const NO_PARTS: readonly unknown[] = [];

function getParts(part: object): Iterable<unknown> {
  if (Array.isArray(part) || part instanceof Set) return part;
  if (ArrayBuffer.isView(part)) return NO_PARTS;
  if (part instanceof Map) return [...part.keys(), ...part.values()];
  return part instanceof Error ? [part.cause] : Object.values(part);
}

/** Bytes of an object's own strings, byte arrays and property names. Array indices don't count. */
function getOwnBytes(part: object): number {
  if (Array.isArray(part)) return 0;
  if (ArrayBuffer.isView(part) || part instanceof ArrayBuffer) return part.byteLength;
  if (part instanceof Error) return getLength(part.message) + getLength(part.stack);
  if (part instanceof RegExp) return part.source.length;
  if (part instanceof String) return part.length;
  let bytes = 0;
  for (const name in part) bytes += name.length;
  return bytes;
}

const getLength = (text: unknown): number => (typeof text === 'string' ? text.length : 0);
