import fs, {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checksum, ENCODING } from '../../main/engine/values/encoding.ts';
import { type ExpectedFile, FileStore, STAGE_TTL_MS } from '../../main/engine/values/file-store.ts';
import { DiskCacheError } from '../../protocol/error.ts';

let directory: string;
let store: FileStore;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'deskcache-files-'));
  store = new FileStore(directory, 'process');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const DATA = crypto.getRandomValues(new Uint8Array(50_000));
const expected = (data: Uint8Array): ExpectedFile => ({
  mode: ENCODING.bytes,
  bytes: data.length,
  crc: checksum(ENCODING.bytes, data),
});
const EXPECTED = expected(DATA);
const getStageFolder = (): string => join(store.root, 'stage');

function storeFile(data: string | Uint8Array = DATA): string {
  const staged = store.stage(data);
  store.place(staged);
  return staged.name;
}

function failure(act: () => unknown): DiskCacheError {
  try {
    act();
  } catch (error) {
    if (error instanceof DiskCacheError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('a value file', () => {
  it('comes back complete, in memory of its own', () => {
    const back = store.read(storeFile(), EXPECTED);
    expect(back).toEqual(DATA);
    expect(back.constructor).toBe(Uint8Array);
    expect(back.buffer.byteLength).toBe(DATA.length);
  });

  it.each([[0], [1], [100], [4096], [70_000]])('of %i bytes is never a view of pooled memory', (length) => {
    const data = new Uint8Array(length).fill(7);
    const back = store.read(storeFile(data), expected(data));
    expect(back).toEqual(data);
    expect(back.buffer.byteLength).toBe(length);
  });

  it('of text holds its UTF-8 bytes', () => {
    const name = storeFile('é\0😀');
    expect(readFileSync(store.getPath(name), 'utf8')).toBe('é\0😀');
    expect(store.getBytes(name)).toBe(7);
  });

  it('has the path of the documented format and is readable only by its owner', () => {
    const name = storeFile();
    expect(store.getPath(name)).toBe(join(directory, 'values', name.slice(0, 2), `${name.slice(2)}.val`));
    expect(name).toMatch(/^[0-9a-f]{32}$/);
    if (process.platform !== 'win32') expect(statSync(store.getPath(name)).mode & 0o077).toBe(0);
  });

  it('is gone after remove, which can be repeated', () => {
    const name = storeFile();
    expect(store.remove(name)).toBe(true);
    expect(store.remove(name)).toBe(true);
    expect(existsSync(store.getPath(name))).toBe(false);
    expect(store.getBytes(name)).toBeUndefined();
  });

  it('can not be reached outside its folder by a forged name', () => {
    const outside = join(directory, 'outside.val');
    writeFileSync(outside, 'precious');
    for (const name of ['../../outside', `..${'/'.repeat(1)}outside.val`, 'A'.repeat(32), '', `${'a'.repeat(32)}\0`]) {
      expect(failure(() => store.remove(name)).code).toBe('CORRUPT');
      expect(failure(() => store.read(name, EXPECTED)).code).toBe('CORRUPT');
    }
    expect(readFileSync(outside, 'utf8')).toBe('precious');
  });
});

describe('a damaged value file', () => {
  const damages: readonly [string, (path: string) => void, RegExp][] = [
    ['missing', (path) => rmSync(path), /is missing/],
    ['short', (path) => truncateSync(path, 49_999), /holds 49999 bytes instead of 50000/],
    ['empty', (path) => truncateSync(path, 0), /holds 0 bytes instead of 50000/],
    ['long', (path) => writeFileSync(path, Uint8Array.of(...DATA, 0)), /holds 50001 bytes instead of 50000/],
    ['changed', (path) => writeFileSync(path, DATA.with(25_000, DATA[25_000]! ^ 1)), /holds other bytes/],
  ];

  it.each(damages)('is CORRUPT, with its path, when it is %s', (_, damage, message) => {
    const name = storeFile();
    damage(store.getPath(name));
    const error = failure(() => store.read(name, EXPECTED));
    expect(error.code).toBe('CORRUPT');
    expect(error.message).toMatch(message);
    expect(error.message).toContain(store.getPath(name));
  });

  it('is CORRUPT when its row has another mode', () => {
    const name = storeFile();
    expect(failure(() => store.read(name, { ...EXPECTED, mode: ENCODING.structured })).code).toBe('CORRUPT');
  });
});

describe('a staged file', () => {
  it('is in the stage before place and in a bucket after it', () => {
    const staged = store.stage(DATA);
    expect(store.listBuckets()).toEqual([]);
    store.place(staged);
    expect(readdirSync(getStageFolder())).toEqual([]);
    expect(store.listNames(staged.name.slice(0, 2))).toEqual([staged.name]);
  });

  it('can be discarded', () => {
    store.discard(store.stage(DATA));
    expect(store.getUsage()).toEqual({ files: 0, bytes: 0 });
  });

  it('that was removed as abandoned fails in place, before a row names it', () => {
    const staged = store.stage(DATA);
    expect(store.sweepStage(-1)).toEqual({ files: 1, bytes: DATA.length });
    const error = failure(() => store.place(staged));
    expect(error.code).toBe('TIMEOUT');
    expect(error.message).toContain(store.getPath(staged.name));
    expect(store.getUsage().files).toBe(0);
  });

  it('is removed only if it has not been written to for a long time', () => {
    const old = store.stage('old');
    const fresh = store.stage('fresh');
    const placed = storeFile('placed');
    const past = (statSync(join(getStageFolder(), `${old.name}.val`)).mtimeMs - 24 * STAGE_TTL_MS - 1000) / 1000;
    utimesSync(join(getStageFolder(), `${old.name}.val`), past, past);
    utimesSync(store.getPath(placed), past, past);
    writeFileSync(join(getStageFolder(), 'somebody-elses.txt'), '');
    expect(store.sweepStage()).toEqual({ files: 1, bytes: 3 });
    expect(readdirSync(getStageFolder()).sort()).toEqual([`${fresh.name}.val`, 'somebody-elses.txt'].sort());
    expect(store.getBytes(placed)).toBe(6);
  });

  it("is synced to the disk with durability 'power'", () => {
    const powerSafe = new FileStore(join(directory, 'deep', 'cache'), 'power');
    const first = countCalls('fsyncSync', () => powerSafe.place(powerSafe.stage(DATA)));
    // The file, its bucket, and the parents of the new folders deep, cache, values, stage and bucket. Windows syncs only files.
    expect(first).toBe(process.platform === 'win32' ? 1 : 2 + 5);
    expect(countCalls('fsyncSync', () => storeFile())).toBe(0);
  });
});

describe('orphans', () => {
  it('are files that no row names; named and foreign files stay', () => {
    const named = storeFile('named');
    const orphan = storeFile('orphan!');
    const foreign = join(store.root, orphan.slice(0, 2), 'notes.txt');
    writeFileSync(foreign, '');
    const removed = store.listBuckets().map((bucket) => store.collect(bucket, (name) => name === named));
    expect(removed.reduce((sum, { files }) => sum + files, 0)).toBe(1);
    expect(removed.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(7);
    expect(store.getBytes(orphan)).toBeUndefined();
    expect(store.getBytes(named)).toBe(5);
    expect(existsSync(foreign)).toBe(true);
  });

  it('leave no empty folders behind', () => {
    for (let count = 0; count < 20; count++) storeFile('x');
    expect(store.getUsage()).toEqual({ files: 20, bytes: 20 });
    for (const bucket of store.listBuckets()) store.collect(bucket, () => false);
    expect(readdirSync(store.root)).toEqual(['stage']);
    expect(store.getUsage()).toEqual({ files: 0, bytes: 0 });
  });

  it('are none, like staged files, in a directory without value files', () => {
    const empty = new FileStore(join(directory, 'empty'), 'process');
    expect(empty.listBuckets()).toEqual([]);
    expect(empty.getUsage()).toEqual({ files: 0, bytes: 0 });
    expect(empty.sweepStage()).toEqual({ files: 0, bytes: 0 });
    expect(existsSync(join(directory, 'empty'))).toBe(false);
  });
});

describe('a full disk', () => {
  it('is DISK_FULL and leaves no partial file', () => {
    storeFile();
    const error = withSystemError('writeSync', 'ENOSPC', () => failure(() => store.stage(DATA)));
    expect(error.code).toBe('DISK_FULL');
    expect(error.message).toContain(getStageFolder());
    expect((error.cause as NodeJS.ErrnoException).code).toBe('ENOSPC');
    expect(readdirSync(getStageFolder())).toEqual([]);
  });

  it('is distinguished from a folder without write permission', () => {
    expect(withSystemError('openSync', 'EACCES', () => failure(() => store.stage(DATA))).code).toBe('NOT_ALLOWED');
    expect(
      withSystemError('mkdirSync', 'EROFS', () =>
        failure(() => new FileStore(join(directory, 'new'), 'process').stage(DATA)),
      ).code,
    ).toBe('READ_ONLY');
  });

  it('does not make remove throw if the system refuses', () => {
    const name = storeFile();
    expect(withSystemError('unlinkSync', 'EBUSY', () => store.remove(name))).toBe(false);
    expect(store.read(name, EXPECTED)).toEqual(DATA);
  });
});

type Call = 'writeSync' | 'openSync' | 'mkdirSync' | 'unlinkSync' | 'fsyncSync';

/** Makes the file system refuse one kind of call; `writeSync` writes some bytes first, as on a disk that fills up. */
function withSystemError<T>(call: Call, code: string, act: () => T): T {
  return withReplacedCall(
    call,
    (original, ...args) => {
      if (call === 'writeSync' && (args[3] as number) > 100) return original(args[0], args[1], args[2], 100, args[4]);
      throw Object.assign(new Error(`${code}: refused`), { code });
    },
    act,
  );
}

function countCalls(call: Call, act: () => unknown): number {
  let calls = 0;
  withReplacedCall(
    call,
    (original, ...args) => {
      calls++;
      return original(...args);
    },
    act,
  );
  return calls;
}

function withReplacedCall<T>(
  call: Call,
  stand: (original: (...args: unknown[]) => unknown, ...args: unknown[]) => unknown,
  act: () => T,
): T {
  const original = fs[call] as (...args: unknown[]) => unknown;
  try {
    Object.assign(fs, { [call]: (...args: unknown[]) => stand(original, ...args) });
    syncBuiltinESMExports();
    return act();
  } finally {
    Object.assign(fs, { [call]: original });
    syncBuiltinESMExports();
  }
}
