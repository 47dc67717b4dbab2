/** The quotes and comma of JSON, or the tag and length of structured clone. */
const TEXT_OVERHEAD_BYTES = 8;
/** The longest is JSON: -1.7976931348623157e+308, and a comma. */
const NUMBER_BYTES = 12;
/** `undefined`, as stored in a column. */
const WORD_BYTES = 9;
/** Bytes of a part in addition to its contents, and of a reference to a part that was written before. */
const REFERENCE_BYTES = 12;
/** Type, length and end marker of an object. */
const OBJECT_OVERHEAD_BYTES = 32;

type NamedParts = Record<string, unknown>;

/**
 * Estimates the bytes that a value takes when stored uncompressed, as JSON, structured clone or a key; never less than the actual size. A
 * part referenced several times counts once, as in structured clone, unless `countsRepeats` is set, as in JSON. O(parts), at any depth and
 * for any number of paths to a part.
 */
export function estimateStoredBytes(value: unknown, countsRepeats = false): number {
  if (!isObject(value)) return estimatePrimitiveBytes(value);
  /** The size of each part including everything it contains; undefined while it is being computed. */
  const weights = new Map<object, number | undefined>();
  const stack: object[] = [value];
  for (let part = stack.at(-1); part !== undefined; part = stack.at(-1)) {
    const names = Array.isArray(part) ? Object.keys(part) : undefined;
    const parts = getParts(part, names);
    if (!weights.has(part)) {
      weights.set(part, undefined);
      const before = stack.length;
      for (const inner of parts) if (isObject(inner) && !weights.has(inner)) stack.push(inner);
      if (stack.length > before) continue;
    }
    stack.pop();
    if (weights.get(part) !== undefined) continue;
    let weight = estimateOwnBytes(part, names);
    for (const inner of parts) {
      if (!isObject(inner)) weight += REFERENCE_BYTES + estimatePrimitiveBytes(inner);
      else if (countsRepeats) weight += REFERENCE_BYTES + (weights.get(inner) ?? 0);
      else weight += REFERENCE_BYTES;
    }
    weights.set(part, weight);
  }
  if (countsRepeats) return weights.get(value)!;
  let sum = 0;
  for (const weight of weights.values()) sum += weight ?? 0;
  return sum;
}

const isObject = (part: unknown): part is object => typeof part === 'object' && part !== null;

function estimatePrimitiveBytes(value: unknown): number {
  if (typeof value === 'string') return estimateTextBytes(value);
  if (typeof value === 'number')
    return Number.isInteger(value) && Math.abs(value) < 1e9 ? NUMBER_BYTES : 2 * NUMBER_BYTES + 2;
  // Four bits per hexadecimal digit; only bigints of up to 64 bits are stored as decimal text.
  if (typeof value === 'bigint') return 32 + value.toString(16).length;
  return WORD_BYTES;
}

/** UTF-8 with JSON escapes, or two bytes per character. O(characters). */
function estimateTextBytes(text: string): number {
  if (text.length === 0) return TEXT_OVERHEAD_BYTES;
  let bytes = 0;
  let isWide = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code > 0xff) isWide = true;
    // Each half of a surrogate pair counts 3; a lone surrogate counts 6, because it is escaped.
    bytes += code < 0x20 ? 6 : code === 0x22 || code === 0x5c ? 2 : code < 0x80 ? 1 : code < 0x800 ? 2 : 3;
    if (code >= 0xd800 && code <= 0xdfff) bytes += isPaired(text, at, code) ? 0 : 3;
  }
  return TEXT_OVERHEAD_BYTES + Math.max(bytes, isWide ? 2 * text.length : 0);
}

function isPaired(text: string, at: number, code: number): boolean {
  const other = code < 0xdc00 ? text.charCodeAt(at + 1) : text.charCodeAt(at - 1);
  return code < 0xdc00 ? other >= 0xdc00 && other <= 0xdfff : other >= 0xd800 && other <= 0xdbff;
}

/** `names`: for an array, the names already read. */
function estimateOwnBytes(part: object, names = Object.keys(part)): number {
  if (ArrayBuffer.isView(part)) return OBJECT_OVERHEAD_BYTES + part.byteLength;
  if (part instanceof ArrayBuffer) return OBJECT_OVERHEAD_BYTES + part.byteLength;
  if (part instanceof RegExp) return OBJECT_OVERHEAD_BYTES + estimateTextBytes(part.source) + part.flags.length;
  let weight = OBJECT_OVERHEAD_BYTES;
  // A hole takes one byte, unless the array is written by property names.
  if (Array.isArray(part)) weight += part.length;
  if (part instanceof Map || part instanceof Set || isBoxed(part)) return weight;
  if (!Array.isArray(part) || !isFilled(part, names)) for (const name of names) weight += estimateTextBytes(name);
  return weight;
}

/** Returns whether an array has all its elements and no other property. Index names are listed first. */
const isFilled = ({ length }: readonly unknown[], names: readonly string[] = []): boolean =>
  names.length === length && (length === 0 || names[length - 1] === String(length - 1));

const isBoxed = (part: object): boolean => part instanceof String || part instanceof Number || part instanceof Boolean;

function getParts(part: object, names: readonly string[] | undefined): Iterable<unknown> {
  if (Array.isArray(part) && isFilled(part, names)) return part;
  if (ArrayBuffer.isView(part) || part instanceof ArrayBuffer || part instanceof Date) return [];
  if (part instanceof Set) return part;
  if (part instanceof Map) return [...part.keys(), ...part.values()];
  if (part instanceof Error) return [part.name, part.message, part.stack, part.cause, ...Object.values(part)];
  // Also covers a boxed bigint, and objects without names.
  const inner: unknown =
    isBoxed(part) || Object.prototype.toString.call(part) === '[object BigInt]' ? part.valueOf() : part;
  return isObject(inner) ? Object.values(inner as NamedParts) : [inner];
}
