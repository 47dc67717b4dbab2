import { UnreadableError } from './byte-reader.ts';
import { isKnownClass } from './known-classes.ts';

/** About the depth at which Python's own pickler fails. */
const MAX_DEPTH = 1000;
/** Maximum number of parts. A part in two places counts twice, because code that walks the value later may visit it twice. */
const MAX_PARTS = 16 * 2 ** 20;

interface Converted {
  readonly plain: unknown;
  parts: number;
}

/**
 * Converts the result of a pickle: a dict whose keys are all strings becomes a plain object, any other a Map. Shared parts stay shared, and
 * cycles stay cycles.
 *
 * @throws {UnreadableError} for a value that is nested too deeply, or has too many parts when each shared part counts in every place.
 */
export function toPlainValue(value: unknown): unknown {
  const known = new Map<object, Converted>();
  let parts = 0;

  function convert(part: unknown, depth: number): unknown {
    parts++;
    if (typeof part !== 'object' || part === null || part instanceof Uint8Array) return part;
    if (isKnownClass(part)) throw new UnreadableError(`it has the class ${part.name} itself as a value`);
    if (depth > MAX_DEPTH) throw new UnreadableError(`it is nested more than ${MAX_DEPTH} levels deep`);
    const before = known.get(part);
    if (before !== undefined) {
      parts += before.parts;
      assertSize();
      return before.plain;
    }
    const converted: Converted = { plain: createEmpty(part), parts: 0 };
    known.set(part, converted);
    const start = parts;
    fill(part, converted.plain, (inner) => convert(inner, depth + 1));
    converted.parts = parts - start;
    assertSize();
    return converted.plain;
  }

  function assertSize(): void {
    if (parts > MAX_PARTS) throw new UnreadableError(`it has more than ${MAX_PARTS} parts`);
  }

  return convert(value, 0);
}

const hasOnlyTextKeys = (dict: ReadonlyMap<unknown, unknown>): boolean => {
  for (const key of dict.keys()) if (typeof key !== 'string') return false;
  return true;
};

function createEmpty(part: object): object {
  if (Array.isArray(part)) return part;
  if (part instanceof Set) return new Set();
  return hasOnlyTextKeys(part as Map<unknown, unknown>) ? {} : new Map();
}

function fill(part: object, empty: unknown, convert: (inner: unknown) => unknown): void {
  if (Array.isArray(part)) {
    for (let at = 0; at < part.length; at++) part[at] = convert(part[at]);
  } else if (part instanceof Set) {
    for (const item of part) (empty as Set<unknown>).add(convert(item));
  } else {
    for (const [key, item] of part as Map<unknown, unknown>) {
      const value = convert(item);
      if (empty instanceof Map) empty.set(convert(key), value);
      // Not assigned: a dict may have the key "__proto__".
      else Object.defineProperty(empty, key as string, { value, writable: true, enumerable: true, configurable: true });
    }
  }
}
