import { CommanderError } from 'commander';
import { DiskCacheError, type ErrorCode } from '../engine/index.ts';

/** What a script can branch on. The guide documents them; they never change. */
export const EXIT_CODES = {
  done: 0,
  /** It failed, a key or job isn't there, or `check` found damage. */
  failed: 1,
  /** The arguments are wrong; nothing was done. */
  usage: 2,
  /** Something else has the store or holds its lock. */
  busy: 3,
  noSuchStore: 4,
  corrupt: 5,
} as const;

const CODES: Readonly<Partial<Record<ErrorCode, number>>> = {
  BAD_KEY: EXIT_CODES.usage,
  BAD_VALUE: EXIT_CODES.usage,
  BAD_OPTION: EXIT_CODES.usage,
  BUSY: EXIT_CODES.busy,
  TIMEOUT: EXIT_CODES.busy,
  NO_SUCH_STORE: EXIT_CODES.noSuchStore,
  CORRUPT: EXIT_CODES.corrupt,
};

/** Thrown where a command has written what there is to say and only its exit code is left. */
export class Exit extends Error {
  readonly exitCode: number;

  constructor(exitCode: number) {
    super(`exit code ${exitCode}`);
    this.exitCode = exitCode;
  }
}

export function getExitCode(error: unknown): number {
  if (error instanceof Exit) return error.exitCode;
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_CODES.done : EXIT_CODES.usage;
  return (error instanceof DiskCacheError ? CODES[error.code] : undefined) ?? EXIT_CODES.failed;
}
