import { inflateSync } from 'node:zlib';
import { UnreadableError } from './pickle/byte-reader.ts';
import { toInteger } from './pickle/scalars.ts';

/* What JSONDisk stores: JSON as Python writes it, compressed by zlib. */

/** A few bytes can inflate to gigabytes. */
const MAX_JSON_BYTES = 256 * 2 ** 20;

/** A number that Python never writes stands for NaN, which JSON doesn't have. */
const NAN_LITERAL = '-0e-999';
const REPLACEMENTS: Readonly<Record<string, string>> = {
  NaN: NAN_LITERAL,
  Infinity: '1e999',
  '-Infinity': '-1e999',
};

/** Texts, which stay as they are, or one of Python's numbers that JSON doesn't have. */
const TEXT_OR_SPECIAL = /"(?:[^"\\]|\\.)*"|-?Infinity|NaN/g;
const MAY_BE_INEXACT = /\d{16}|NaN/;
const INTEGER = /^-?\d+$/;

/** @throws {UnreadableError} */
export function parseJsonDisk(compressed: Uint8Array): unknown {
  let text: string;
  try {
    text = inflateSync(compressed, { maxOutputLength: MAX_JSON_BYTES }).toString('utf8');
  } catch (error) {
    const isTooLarge = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    throw new UnreadableError(
      isTooLarge ? `it is larger than ${MAX_JSON_BYTES} bytes` : 'it is not compressed as JSONDisk does it',
    );
  }
  return parsePythonJson(text);
}

/** Reads JSON in Python's dialect: NaN and the infinities, and integers of any size, which are bigints where a number isn't exact. */
export function parsePythonJson(text: string): unknown {
  const standard = /NaN|Infinity/.test(text)
    ? text.replace(TEXT_OR_SPECIAL, (found) => REPLACEMENTS[found] ?? found)
    : text;
  try {
    return MAY_BE_INEXACT.test(text) ? JSON.parse(standard, reviveNumber) : JSON.parse(standard);
  } catch (error) {
    throw new UnreadableError(error instanceof RangeError ? 'it is nested too deeply' : 'it is not JSON');
  }
}

/** The source text of a number: https://tc39.es/proposal-json-parse-with-source. Node has it from version 21 on. */
function reviveNumber(this: unknown, _name: string, value: unknown, context?: { readonly source?: string }): unknown {
  const source = context?.source;
  if (typeof value !== 'number' || source === undefined) return value;
  if (source === NAN_LITERAL) return Number.NaN;
  return INTEGER.test(source) && !Number.isSafeInteger(value) ? toInteger(BigInt(source)) : value;
}
