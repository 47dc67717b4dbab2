import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

/** What happens to the next call on a journal's files; each fault has its turn once, and then all is well. */
export interface FileFault {
  readonly call: 'writeSync' | 'ftruncateSync' | 'fdatasyncSync';
  /** A write writes only this many bytes, and then fails if there is an `errno`. */
  readonly bytes?: number;
  readonly errno?: string;
}

/**
 * Runs `act` with faults of the calls on files whose path holds `journal`. Returns the faults that had no turn.
 */
export function withFileFaults(act: (faults: FileFault[]) => void): readonly FileFault[] {
  const { openSync, writeSync, ftruncateSync, fdatasyncSync } = fs;
  const faults: FileFault[] = [];
  const journals = new Set<number>();
  const take = (call: FileFault['call'], file: number) =>
    journals.has(file) && faults[0]?.call === call ? faults.shift() : undefined;
  const fail = ({ errno }: FileFault) => {
    if (errno !== undefined) throw Object.assign(new Error(`${errno}: on purpose`), { code: errno });
  };
  const replaced = {
    openSync: (path: fs.PathLike, flags: fs.OpenMode, mode?: fs.Mode) => {
      const file = openSync(path, flags, mode);
      if (String(path).includes('journal-')) journals.add(file);
      return file;
    },
    writeSync: (file: number, bytes: Uint8Array, offset: number, length: number, position: number) => {
      const fault = take('writeSync', file);
      if (fault === undefined) return writeSync(file, bytes, offset, length, position);
      const done = writeSync(file, bytes, offset, Math.min(length, fault.bytes ?? length), position);
      fail(fault);
      return done;
    },
    ftruncateSync: (file: number, length?: number) => {
      const fault = take('ftruncateSync', file);
      if (fault !== undefined) fail(fault);
      ftruncateSync(file, length);
    },
    fdatasyncSync: (file: number) => {
      const fault = take('fdatasyncSync', file);
      if (fault !== undefined) fail(fault);
      fdatasyncSync(file);
    },
  };
  try {
    Object.assign(fs, replaced);
    syncBuiltinESMExports();
    act(faults);
  } finally {
    Object.assign(fs, { openSync, writeSync, ftruncateSync, fdatasyncSync });
    syncBuiltinESMExports();
  }
  return faults;
}
