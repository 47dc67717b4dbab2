import fs, { copyFileSync, cpSync, existsSync, readdirSync, rmSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Cache, FanoutCache, Index } from '../../main/engine/index.ts';
import { freshDirectory } from './fresh-directory.ts';

/*
 * What a power cut leaves: what was synced, and of the rest whatever the system likes. File systems keep the removal of a file
 * and lose what was written to another one, so that is the state to be afraid of.
 */

type RecordedCall = readonly [name: 'fsync' | 'unlink', path: string];

/** Notes what is synced and what is removed, in order. `seen` is called before each. */
function recordCalls(seen: (call: RecordedCall) => void = () => {}): RecordedCall[] {
  const calls: RecordedCall[] = [];
  const paths = new Map<number, string>();
  const before = { openSync: fs.openSync, fsyncSync: fs.fsyncSync, unlinkSync: fs.unlinkSync };
  const record = (call: RecordedCall) => {
    seen(call);
    calls.push(call);
  };
  Object.assign(fs, {
    openSync(...args: Parameters<typeof fs.openSync>) {
      const file = before.openSync(...args);
      paths.set(file, String(args[0]));
      return file;
    },
    fsyncSync(file: number) {
      record(['fsync', paths.get(file) ?? '?']);
      before.fsyncSync(file);
    },
    unlinkSync(path: fs.PathLike) {
      if (existsSync(path)) record(['unlink', String(path)]);
      before.unlinkSync(path);
    },
  });
  syncBuiltinESMExports();
  onTestFinished(() => {
    Object.assign(fs, before);
    syncBuiltinESMExports();
  });
  return calls;
}

/** As it was, or as it became, if that was synced. */
const isSound = (value: string | undefined, key: number): boolean =>
  value === undefined || value === 'small' || value === createText(key, 0) || value === createText(key, 1);

const createText = (key: number, version: number) => `${key}.${version} `.repeat(10_000);

/** A folder with what of a store's database and log is on the disk itself: it follows every sync of the log. */
function copySynced(directory: string, seen: (call: RecordedCall) => void = () => {}): string {
  const synced = freshDirectory();
  const sync = () => {
    for (const name of ['cache.db', 'cache.db-wal']) {
      rmSync(join(synced, name), { force: true });
      if (existsSync(join(directory, name))) copyFileSync(join(directory, name), join(synced, name));
    }
  };
  sync();
  recordCalls((call) => {
    if (call[0] === 'fsync' && call[1].endsWith('-wal')) sync();
    seen(call);
  });
  return synced;
}

/** The directory as a power cut leaves it: of database and log what was synced last, of the files what is there. */
function openAfterPowerCut(directory: string, synced: string): string {
  const left = join(freshDirectory(), 'left');
  cpSync(directory, left, { recursive: true });
  for (const name of ['cache.db', 'cache.db-wal', 'cache.db-shm']) {
    rmSync(join(left, name), { force: true });
    if (existsSync(join(synced, name))) copyFileSync(join(synced, name), join(left, name));
  }
  return left;
}

describe("with durability 'process', a value that was stored long ago", () => {
  const KEYS = 12;
  const stored = () => {
    const directory = join(freshDirectory(), 'store');
    using cache = new Cache<number, string>(directory, { sizeLimit: 16 * 1024 * 1024 });
    for (let key = 0; key < KEYS; key++) cache.set(key, createText(key, 0));
    return directory;
  };

  it.each<[string, (cache: Cache<number, string>) => void]>([
    ['replaced', (cache) => cache.setMany(Array.from({ length: KEYS }, (_, key) => [key, createText(key, 1)]))],
    ['replaced one by one', (cache) => Array.from({ length: KEYS }, (_, key) => cache.set(key, createText(key, 1)))],
    ['replaced by small ones', (cache) => Array.from({ length: KEYS }, (_, key) => cache.set(key, 'small'))],
    ['deleted', (cache) => Array.from({ length: KEYS }, (_, key) => cache.delete(key))],
    ['taken', (cache) => Array.from({ length: KEYS }, (_, key) => cache.pop(key))],
  ])('is whole after a power cut that came before it was %s on the disk itself', (_, change) => {
    const directory = stored();
    const synced = copySynced(directory);
    using cache = new Cache<number, string>(directory);
    change(cache);
    using left = new Cache<number, string>(openAfterPowerCut(directory, synced));
    for (let key = 0; key < KEYS; key++) expect(isSound(left.get(key), key)).toBe(true);
    // What was written since and is named by nobody now may be there.
    expect(left.check().filter(({ code }) => code !== 'orphan')).toEqual([]);
  });

  it('is whole at every moment of a long walk, replaced as often as the limit allows', () => {
    const directory = stored();
    const cuts: string[] = [];
    const calls: RecordedCall[] = [];
    // Right before something is removed nothing of the log is on the disk but what was synced.
    const synced = copySynced(directory, (call) => {
      calls.push(call);
      const [name, path] = call;
      if (name === 'unlink' && path.endsWith('.val') && cuts.length < 20)
        cuts.push(openAfterPowerCut(directory, synced));
    });
    const cache = new Cache<number, string>(directory);
    for (let version = 1; version <= 8; version++) {
      for (let key = 0; key < KEYS; key++) cache.set(key, createText(key, version));
    }
    cuts.push(openAfterPowerCut(directory, synced));
    cache.close();
    const firstRemoval = calls.findIndex(([name, path]) => name === 'unlink' && path.includes(join('values', '')));
    expect(calls.slice(0, firstRemoval).some(([name, path]) => name === 'fsync' && path.endsWith('-wal'))).toBe(true);
    expect(cuts.length).toBeGreaterThan(5);
    for (const cut of cuts) {
      using left = new Cache<number, string>(cut);
      for (let key = 0; key < KEYS; key++) expect(left.get(key)?.startsWith(`${key}.`)).toBe(true);
    }
  });

  it('takes no more space than the limit while its predecessors wait, and none when the store is closed', () => {
    const sizeLimit = 8 * 1024 * 1024;
    const cache = new Cache<number, string>(freshDirectory(), { sizeLimit });
    for (let n = 0; n < 400; n++) {
      cache.set(n % 7, createText(n, n));
      cache.set(n + 100, createText(n, n));
      expect(cache.volume()).toBeLessThanOrEqual(sizeLimit);
    }
    const rows = [...cache.keys()].length;
    cache.close();
    const files = readdirSync(cache.directory, { recursive: true }).filter((name) => String(name).endsWith('.val'));
    expect(files).toHaveLength(rows);
  });

  it('leaves nothing behind in a process that was killed: the next one removes what waits, and nothing is found wrong', () => {
    const directory = stored();
    const killed = join(freshDirectory(), 'killed');
    const cache = new Cache<number, string>(directory);
    for (let key = 0; key < KEYS; key++) cache.set(key, createText(key, 1));
    cpSync(directory, killed, { recursive: true });
    cache.close();
    using beside = new Cache<number, string>(killed, { readOnly: true });
    expect(beside.check()).toEqual([]);
    using next = new Cache<number, string>(killed);
    expect(next.check()).toEqual([]);
    const files = readdirSync(killed, { recursive: true }).filter((name) => String(name).endsWith('.val'));
    expect(files).toHaveLength(KEYS);
  });
});

describe.skipIf(process.platform === 'win32')('what is made is on the disk itself before it is used:', () => {
  const syncedIn = (root: string, work: () => Disposable): string[] => {
    const calls = recordCalls();
    using _ = work();
    return calls.flatMap(([name, path]) => (name === 'fsync' ? [relative(root, path) || '.'] : []));
  };

  it("the store's folder, its parents, and the database in it", () => {
    const root = freshDirectory();
    const synced = syncedIn(root, () => new Index(join(root, 'a', 'b', 'store')));
    // A folder is synced when something was made in it.
    for (const folder of ['.', 'a', join('a', 'b'), join('a', 'b', 'store'), join('a', 'b', 'store', 'values')]) {
      expect(synced).toContain(folder);
    }
  });

  it('the folders of shards and named stores, and the manifest', () => {
    const root = freshDirectory();
    const synced = syncedIn(root, () => {
      const fanout = new FanoutCache(join(root, 'fanout'), { shards: 2, durability: 'power' });
      fanout.index('jobs').set('k', 1);
      return fanout;
    });
    for (const folder of [
      '.',
      'fanout',
      'fanout/shards',
      'fanout/shards/000',
      'fanout/shards/001',
      'fanout/index',
      'fanout/index/jobs',
    ]) {
      expect(synced).toContain(folder);
    }
  });

  it('nothing, when a store is opened that is there', () => {
    const root = freshDirectory();
    new Index(join(root, 'store')).close();
    expect(syncedIn(root, () => new Index(join(root, 'store')))).toEqual([]);
  });
});

it("with 'power' the drive's own cache is emptied where the system would not do so by itself (macOS), and settings are synced", async () => {
  const { Connection } = await import('../../main/engine/sqlite/connection.ts');
  const { vi } = await import('vitest');
  const asked = vi.spyOn(Connection.prototype, 'pragma');
  onTestFinished(() => asked.mockRestore());
  using cache = new Cache(freshDirectory(), { durability: 'power' });
  const connection = (asked.mock.contexts as InstanceType<typeof Connection>[]).find(({ isOpen }) => isOpen)!;
  expect([connection.pragma('fullfsync'), connection.pragma('checkpoint_fullfsync')]).toEqual([1, 1]);
  cache.configure({ durability: 'process' });
  expect([connection.pragma('fullfsync'), connection.pragma('checkpoint_fullfsync')]).toEqual([0, 0]);
  asked.mockClear();
  cache.configure({ ttl: 5 });
  expect(asked.mock.calls.flat()).toContain('synchronous = FULL');
  expect(connection.pragma('synchronous')).toBe(1);
  expect(dirname(connection.path)).toBe(cache.directory);
});
