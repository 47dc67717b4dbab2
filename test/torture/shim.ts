import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The path of the compiled `shim.c`, or the reason why there is none. */
const built: { path?: string | undefined; why?: string } = {};

/** Why the operations of a process can't be recorded or made to fail here, if so. */
export function getShimFault(): string | undefined {
  build();
  return built.why;
}

/** The path of the library to preload. */
export function getShimPath(): string {
  build();
  if (built.path === undefined) throw new Error(built.why);
  return built.path;
}

function build(): void {
  if (built.path !== undefined || built.why !== undefined) return;
  // A bundled program has no `shim.c` beside it and is given the compiled one.
  built.path = process.env['TORTURE_SHIM'];
  if (built.path !== undefined) return;
  if (process.platform !== 'linux') {
    built.why = 'files are looked at by LD_PRELOAD, which only Linux has';
    return;
  }
  const path = join(mkdtempSync(join(tmpdir(), 'deskcache-shim-')), 'shim.so');
  const source = join(import.meta.dirname, 'shim.c');
  const { status, error, stderr } = spawnSync(
    'cc',
    ['-shared', '-fPIC', '-O1', '-o', path, source, '-ldl', '-lpthread'],
    {
      encoding: 'utf8',
    },
  );
  if (status === 0) built.path = path;
  else built.why = error === undefined ? `shim.c does not compile: ${stderr}` : 'no C compiler (cc) for shim.c';
}

/** What a process did to files below the watched directory, or said on its standard output. */
export type Operation =
  | { readonly kind: 'create' | 'sync' | 'unlink' | 'mkdir' | 'rmdir'; readonly path: string }
  | { readonly kind: 'rename' | 'link'; readonly path: string; readonly to: string }
  | { readonly kind: 'truncate'; readonly path: string; readonly length: number }
  | { readonly kind: 'write'; readonly path: string; readonly offset: number; readonly bytes: Buffer }
  | { readonly kind: 'said'; readonly text: string };

const KINDS = { C: 'create', S: 'sync', U: 'unlink', M: 'mkdir', D: 'rmdir', R: 'rename', L: 'link' } as const;

/** Reads what `shim.c` has written. */
export function readLog(file: string): Operation[] {
  const log = readFileSync(file);
  const operations: Operation[] = [];
  let at = 0;
  function take(): Buffer {
    const length = log.readUInt32LE(at);
    const bytes = log.subarray(at + 4, at + 4 + length);
    at += 4 + length;
    return bytes;
  }
  while (at < log.length) {
    const letter = String.fromCharCode(log[at++]!);
    const path = take().toString();
    const to = take().toString();
    const offset = Number(log.readBigInt64LE(at));
    at += 8;
    const bytes = take();
    if (letter === 'W') operations.push({ kind: 'write', path, offset, bytes });
    else if (letter === 'T') operations.push({ kind: 'truncate', path, length: offset });
    else if (letter === 'A') operations.push({ kind: 'said', text: bytes.toString() });
    else operations.push({ kind: KINDS[letter as keyof typeof KINDS], path, to } as Operation);
  }
  return operations;
}
