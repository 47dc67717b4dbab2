import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

type FsCall = 'openSync' | 'readSync' | 'writeSync' | 'fsyncSync' | 'renameSync' | 'mkdirSync' | 'statSync';

/** Whose descriptors these are, so that a refusal can name a file. */
const paths = new Map<number, string>();

/**
 * Runs `act` while the system refuses a call on paths that hold `part` with an errno, as a disk does that can't be read for a
 * while. Answers how often it has refused.
 */
export function withSystemError(call: FsCall, errno: string, part: string, act: () => void): number {
  const original = { openSync: fs.openSync, [call]: fs[call] } as Record<string, (...all: unknown[]) => unknown>;
  let refused = 0;
  const refuse = () => {
    refused++;
    throw Object.assign(new Error(`${errno}: refused on purpose`), { code: errno });
  };
  const toPath = (subject: unknown) => (typeof subject === 'number' ? (paths.get(subject) ?? '') : String(subject));
  const opening = (path: unknown, ...rest: unknown[]): unknown => {
    if (call === 'openSync' && String(path).includes(part)) refuse();
    const descriptor = original.openSync!(path, ...rest);
    paths.set(Number(descriptor), String(path));
    return descriptor;
  };
  const failing = (subject: unknown, ...rest: unknown[]): unknown => {
    if (toPath(subject).includes(part)) refuse();
    return original[call]!(subject, ...rest);
  };
  try {
    Object.assign(fs, { openSync: opening }, call !== 'openSync' && { [call]: failing });
    syncBuiltinESMExports();
    act();
  } finally {
    Object.assign(fs, original);
    syncBuiltinESMExports();
    paths.clear();
  }
  return refused;
}
