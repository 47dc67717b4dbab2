import { expect } from 'vitest';
import type { ErrorCode } from '../protocol/error.ts';

/** What a call fails with, for `toEqual` and `toThrow`; `message` is a part of what it says, or a pattern of it. */
export function errorMatching(code: ErrorCode, message: string | RegExp = ''): Error {
  const expectedMessage =
    typeof message === 'string' ? expect.stringContaining(message) : expect.stringMatching(message);
  return expect.objectContaining({ name: 'DiskCacheError', code, message: expectedMessage });
}
