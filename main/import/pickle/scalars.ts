import { UnreadableError } from './byte-reader.ts';

/* Parses the numbers and strings of pickles, in all their forms. */

/** Longer binary integers are refused: no application needs them. */
const MAX_INTEGER_BYTES = 64 * 1024;
/** Reading decimal digits takes quadratic time; Python itself refuses more than 4300. */
const MAX_INTEGER_DIGITS = 4300;

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const LATIN1 = {
  toText: (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1'),
};

/** Returns a number if it is exact as one, otherwise a bigint. */
export const toInteger = (value: bigint): number | bigint =>
  value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;

/** Parses a little-endian integer in two's complement. An empty one is 0. */
export function parseBinaryInteger(bytes: Uint8Array): number | bigint {
  if (bytes.length === 0) return 0;
  if (bytes.length > MAX_INTEGER_BYTES) throw new UnreadableError(`it has an integer of ${bytes.length} bytes`);
  const digits = Buffer.from(bytes).reverse().toString('hex');
  return toInteger(BigInt.asIntN(bytes.length * 8, BigInt(`0x${digits}`)));
}

/** Parses a decimal integer. Python 2 appends an L. */
export function parseDecimalInteger(line: Uint8Array): number | bigint {
  const text = LATIN1.toText(line).trim().replace(/L$/, '');
  if (!/^[+-]?\d+$/.test(text)) throw new UnreadableError('its pickle is damaged: an integer has no digits');
  if (text.length > MAX_INTEGER_DIGITS) throw new UnreadableError(`it has an integer of ${text.length} digits`);
  return toInteger(text.startsWith('-') ? -BigInt(text.slice(1)) : BigInt(text.replace('+', '')));
}

const SPECIAL_FLOATS: Readonly<Record<string, number>> = {
  nan: Number.NaN,
  inf: Number.POSITIVE_INFINITY,
  '-inf': Number.NEGATIVE_INFINITY,
};

export function parseFloatLine(line: Uint8Array): number {
  const text = LATIN1.toText(line).trim();
  if (Object.hasOwn(SPECIAL_FLOATS, text)) return SPECIAL_FLOATS[text]!;
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return Number(text);
  throw new UnreadableError('its pickle is damaged: a float has no digits');
}

export const toLatin1 = (bytes: Uint8Array): string => LATIN1.toText(bytes);

/**
 * Decodes UTF-8. Python writes a lone surrogate, which UTF-8 doesn't allow, in the same way as any other code point: three bytes.
 *
 * @throws {UnreadableError}
 */
export function parseUtf8(bytes: Uint8Array): string {
  try {
    return UTF8.decode(bytes);
  } catch {
    return parseWithSurrogates(bytes);
  }
}

function parseWithSurrogates(bytes: Uint8Array): string {
  const parts: string[] = [];
  let from = 0;
  for (let at = bytes.indexOf(0xed); at >= 0; at = bytes.indexOf(0xed, at + 1)) {
    const [second = 0, third = 0] = bytes.subarray(at + 1, at + 3);
    if (second < 0xa0 || second > 0xbf || third < 0x80 || third > 0xbf) continue;
    parts.push(decodeUtf8(bytes.subarray(from, at)));
    parts.push(String.fromCharCode(0xd000 | ((second & 0x3f) << 6) | (third & 0x3f)));
    from = at + 3;
  }
  return parts.join('') + decodeUtf8(bytes.subarray(from));
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return UTF8.decode(bytes);
  } catch {
    throw new UnreadableError('it has a text that is not UTF-8');
  }
}

/** Parses a string of protocol 0: Latin-1, in which an odd number of backslashes before u or U starts an escape. */
export const parseUnicodeLine = (line: Uint8Array): string =>
  toLatin1(line).replace(
    /(\\+)(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))/g,
    (all, slashes: string, short: string | undefined, long: string | undefined) => {
      if (slashes.length % 2 === 0) return all;
      const point = Number.parseInt(short ?? long!, 16);
      if (point > 0x10ffff) throw new UnreadableError('its pickle is damaged: a text has an impossible character');
      return slashes.slice(1) + String.fromCodePoint(point);
    },
  );

/** Parses a byte string of Python 2. Its encoding isn't recorded, so only ASCII is accepted. */
export function parseByteString(bytes: Uint8Array): string {
  if (bytes.every((byte) => byte < 0x80)) return toLatin1(bytes);
  throw new UnreadableError('it has a byte string of Python 2 whose encoding is not known');
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\',
  "'": "'",
  '"': '"',
  n: '\n',
  r: '\r',
  t: '\t',
  a: '\x07',
  b: '\b',
  f: '\f',
  v: '\v',
};

/** Parses the literal of a byte string of Python 2, in quotes. */
export function parseQuotedLine(line: Uint8Array): string {
  const text = toLatin1(line).trim();
  const quote = text[0];
  if (text.length < 2 || (quote !== "'" && quote !== '"') || !text.endsWith(quote)) {
    throw new UnreadableError('its pickle is damaged: a text has no quotes');
  }
  const unescaped = text
    .slice(1, -1)
    .replace(/\\(?:x([0-9a-f]{2})|([0-7]{1,3})|(.))/gis, (all, hex?: string, octal?: string, plain?: string) => {
      if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
      if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8));
      return (plain !== undefined && ESCAPES[plain]) || all;
    });
  return parseByteString(Uint8Array.from(unescaped, (unit) => unit.charCodeAt(0)));
}
