import { inflateSync } from 'node:zlib';
import { UnreadableError } from './pickle/byte-reader.ts';
import { toInteger } from './pickle/scalars.ts';

/* JSONDisk stores JSON as Python writes it, compressed by zlib. */

/** A few bytes can inflate to gigabytes. */
const MAX_JSON_BYTES = 256 * 2 ** 20;

/** Stands for NaN, which JSON doesn't have: a number that Python never writes. */
const NAN_LITERAL = '-0e-999';
const REPLACEMENTS: Readonly<Record<string, string>> = {
  NaN: NAN_LITERAL,
  Infinity: '1e999',
  '-Infinity': '-1e999',
};

/** A string, which stays as it is, or one of Python's numbers that JSON doesn't have. */
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

/**
 * Parses JSON as Python writes it, with NaN, the infinities, and integers of any size, which become bigints where a number isn't exact.
 *
 * @throws {UnreadableError}
 */
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

/** Uses the source text of a number: https://tc39.es/proposal-json-parse-with-source, in Node since version 21. */
function reviveNumber(this: unknown, _name: string, value: unknown, context?: { readonly source?: string }): unknown {
  const source = context?.source;
  if (typeof value !== 'number' || source === undefined) return value;
  if (source === NAN_LITERAL) return Number.NaN;
  return INTEGER.test(source) && !Number.isSafeInteger(value) ? toInteger(BigInt(source)) : value;
}
