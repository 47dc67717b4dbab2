import { DiskCacheError, type Key } from '../engine/index.ts';
import { fromJson, toJson } from '../engine/internal.ts';

/** How keys are written in arguments and in plain output: as text, or as JSON where they may be numbers and tuples. */
export type KeyFormat = 'text' | 'json';

/** @throws {DiskCacheError} `BAD_KEY` for what isn't JSON. */
export function parseKey(argument: string, format: KeyFormat): Key {
  if (format === 'text') return argument;
  try {
    return fromJson(JSON.parse(argument)) as Key;
  } catch (error) {
    throw new DiskCacheError(
      'BAD_KEY',
      `${argument} is not JSON (${(error as Error).message}); write a text as '"a"', a tuple as '["a",1]'`,
    );
  }
}

const CONTROL_CHARACTER = /\p{Cc}/u;

/** Returns a key as one line: text as it is unless it has control characters; everything else as JSON. */
export function formatKey(key: Key, format: KeyFormat = 'text'): string {
  if (format === 'text' && typeof key === 'string' && !CONTROL_CHARACTER.test(key)) return key;
  return JSON.stringify(toJson(key));
}
