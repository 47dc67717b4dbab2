/** So many holes the arrays of a message may have together: who sends them pays nothing for them. */
const MAX_ARRAY_HOLES = 10_000;
/** What is referred to again may weigh so much more, written out. */
const MAX_REPEATED_BYTES = 64 * 2 ** 20;
/** What an object and what any other part weigh besides their bytes: so that a million objects may be repeated. */
const OBJECT_OVERHEAD_BYTES = 64;
const PART_OVERHEAD_BYTES = 8;

/**
 * Whether a message stands for far more than it brought. An array of four billion holes takes a few bytes to send, and so do forty
 * arrays of which each names the next one twice; whoever walks over it, or compares it, would never be done. Cycles are as they
 * are. O(parts that are there), however deep they stand in each other.
 */
export function isExpansionBomb(message: object): boolean {
  // Nearly every message is small, however it is read: then nothing of it has to be remembered.
  return !new Glance().isSmall(message, 0) && isInflatedExactly(message);
}

/** What is looked at in a first attempt, a fraction of a millisecond, and how deep. */
const MAX_GLANCE_PARTS = 20_000;
const MAX_GLANCE_DEPTH = 50;

/**
 * A walk over a message as if each of its parts were referred to once, which is given up where there is much.
 *
 * Invariant: it looks at `MAX_GLANCE_PARTS` parts at most, however often they are referred to.
 */
class Glance {
  #parts = 0;
  #weight = 0;

  /** Whether it has no holes and, written out, is lighter than what may be repeated. False where that isn't known. */
  isSmall(part: object, depth: number): boolean {
    if (depth === MAX_GLANCE_DEPTH) return false;
    this.#weight += OBJECT_OVERHEAD_BYTES;
    if (Array.isArray(part)) {
      this.#parts += part.length;
      if (this.#parts > MAX_GLANCE_PARTS) return false;
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
        if (++this.#parts > MAX_GLANCE_PARTS || !this.#isSmallPart((part as Record<string, unknown>)[name], depth)) {
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

/** Remembers each part, and so walks over it once. */
function isInflatedExactly(message: object): boolean {
  let holes = 0;
  let brought = 0;
  /** The weight of each part with all that it refers to; 0 as long as that isn't known. */
  const writtenOut = new Map<object, number>();
  const left = [message];
  for (let part = left.at(-1); part !== undefined; part = left.at(-1)) {
    const known = writtenOut.get(part);
    if (known === undefined) {
      if (Array.isArray(part)) holes += countHoles(part, MAX_ARRAY_HOLES - holes);
      if (holes > MAX_ARRAY_HOLES) return true;
      writtenOut.set(part, 0);
      const before = left.length;
      for (const inner of getParts(part)) if (isObject(inner) && !writtenOut.has(inner)) left.push(inner);
      if (left.length > before) continue;
    }
    left.pop();
    // Two had referred to it before it was looked at.
    if (known !== undefined && known > 0) continue;
    let own = OBJECT_OVERHEAD_BYTES + getOwnBytes(part);
    let weight = 0;
    for (const inner of getParts(part)) {
      if (isObject(inner)) weight += writtenOut.get(inner) ?? 0;
      else own += typeof inner === 'string' ? PART_OVERHEAD_BYTES + inner.length : PART_OVERHEAD_BYTES;
    }
    brought += own;
    writtenOut.set(part, own + weight);
  }
  return (writtenOut.get(message) ?? 0) - brought > MAX_REPEATED_BYTES;
}

/** Counts no further than one more than `most`. */
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

/** Bytes, texts and names that belong to an object itself. Names of an array's elements are none. */
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
