import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  BoundedSemaphore,
  barrier,
  Cache,
  Deque,
  FanoutCache,
  Index,
  Lock,
  type RecipeStore,
  RLock,
  throttle,
} from '../../main/engine/index.ts';
import { createIdentity } from '../../main/engine/process-identity.ts';
import { toRowChecksum, toValueChecksum } from '../../main/engine/values/encoding.ts';
import { encodeKey } from '../../main/engine/values/key.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { errorMatching } from '../matchers.ts';
import { catchError, openLockStore } from './lock-fixture.ts';

/** Another process, as far as SQLite knows: a connection unknown to the engine of this thread. */
function writeFromOtherProcess({ directory }: { readonly directory: string }) {
  const database = new Database(join(directory, 'cache.db'), { timeout: 0 });
  return {
    /** Replaces the value of `n` by that of `spare`. */
    write: () => {
      const spare = database.prepare(`SELECT mode, value, checksum, size FROM entry WHERE key = 'spare'`).raw().get();
      const [mode, value, checksum, size] = spare as [number, Buffer, number, number];
      const check = toRowChecksum(toValueChecksum(checksum, 'spare'), 'n');
      const put = `UPDATE entry SET mode = ?, value = ?, checksum = ?, size = ? WHERE key = 'n'`;
      database.prepare(put).run(mode, value, check, size);
    },
    /** Whether the write-ahead log can be truncated because no reader needs it. */
    canEmptyLog: () => (database.pragma('wal_checkpoint(TRUNCATE)') as [{ busy: number }])[0].busy === 0,
    [Symbol.dispose]: () => database.close(),
  };
}

/** A store in which `n` is 1 and `spare` 2. */
function openData(): Cache<string, number> {
  const data = new Cache<string, number>(freshDirectory());
  // The first read prepares its statements, which ends the view; later reads keep it.
  data.get('n');
  data.set('n', 1);
  data.set('spare', 2);
  // The first read after a write uses no view; the next one opens it.
  data.get('spare');
  return data;
}

/** Holds SQLite's write lock of a store, like another process. */
function holdWriteLock({ directory }: { readonly directory: string }): Disposable {
  const database = new Database(join(directory, 'cache.db'));
  database.exec('BEGIN IMMEDIATE');
  return { [Symbol.dispose]: () => database.close() };
}

/** Ways to acquire something that other owners had before, after which their writes must be visible. */
const ACQUISITIONS: Readonly<Record<string, (locks: Cache<string, unknown>) => unknown>> = {
  Lock: (locks) => new Lock(locks, 'l').acquire(),
  RLock: (locks) => new RLock(locks, 'l').acquire(),
  'BoundedSemaphore without waiting': (locks) => new BoundedSemaphore(locks, 'l', 2).acquire({ timeout: 0 }),
  barrier: (locks) => barrier(locks, Lock)(function once() {})(),
  throttle: (locks) => throttle(locks, 1, 1000)(function now() {})(),
  'the result of memoize': (locks) => locks.memoize(() => 1, { name: 'm' })(),
  transact: (locks) => locks.transact(() => {}),
  add: (locks) => locks.add('token', 1),
  incr: (locks) => locks.incr('count'),
  update: (locks) => locks.update('token', () => 1),
  delete: (locks) => locks.delete('taken'),
  pop: (locks) => locks.pop('taken'),
  touch: (locks) => locks.touch('taken', { ttl: 1000 }),
  set: (locks) => locks.set('flag', 1),
};

describe('a read under a lock', () => {
  // With no time passing, the engine doesn't look for external changes because of the age of its state.
  beforeEach(() => {
    vi.spyOn(performance, 'now').mockReturnValue(performance.now());
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it.each(Object.entries(ACQUISITIONS))('is not older than %s in another store', (_, acquire) => {
    using locks = openLockStore() as Cache<string, unknown>;
    using data = openData();
    using other = writeFromOtherProcess(data);
    locks.set('taken', 1);
    expect(data.get('n')).toBe(1);
    other.write();
    acquire(locks);
    expect(data.get('n')).toBe(2);
  });

  it.each<[string, (tokens: Deque) => unknown]>([
    ['taken from', (tokens) => tokens.shift()],
    ['put into', (tokens) => tokens.push(1)],
  ])('is not older than a value %s a Deque', (_, change) => {
    using tokens = new Deque(freshDirectory(), { durability: 'process' });
    tokens.push(1);
    using data = openData();
    using other = writeFromOtherProcess(data);
    expect(data.get('n')).toBe(1);
    other.write();
    change(tokens);
    expect(data.get('n')).toBe(2);
  });

  it.each(['remembered', 'read from disk'])('sees the last write of its own store, %s', (kind) => {
    using data = new Cache<string, number>(freshDirectory(), kind === 'remembered' ? {} : { memory: 0 });
    data.set('n', 1);
    data.set('spare', 2);
    using other = writeFromOtherProcess(data);
    expect(data.get('n')).toBe(1);
    other.write();
    data.set('flag', 1);
    expect(data.get('n')).toBe(2);
  });

  it('sees writes from before a lock of another shard of the same FanoutCache', () => {
    using fanout = new FanoutCache<string, number>(freshDirectory(), { shards: 8, evictionPolicy: 'none' });
    const shard = fanout.cache('data');
    shard.set('n', 1);
    shard.set('spare', 2);
    using other = writeFromOtherProcess(shard);
    expect(shard.get('n')).toBe(1);
    other.write();
    using _hold = new Lock(fanout as RecipeStore, 'l').acquire();
    expect(shard.get('n')).toBe(2);
  });

  it('sees the last write in an Index', () => {
    using locks = openLockStore();
    using data = new Index<string, number>(freshDirectory());
    data.set('n', 1);
    data.set('spare', 2);
    using other = writeFromOtherProcess(data);
    expect(data.get('n')).toBe(1);
    other.write();
    using _hold = new Lock(locks, 'l').acquire();
    expect(data.get('n')).toBe(2);
  });

  it('sees writes made during acquireAsync', async () => {
    using locks = openLockStore();
    using data = openData();
    using other = writeFromOtherProcess(data);
    expect(data.get('n')).toBe(1);
    other.write();
    const acquired = new Lock(locks, 'l').acquireAsync();
    expect(data.get('n')).toBe(2);
    (await acquired).release();
  });
});

describe('a blocked thread', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it('that waits for a lock does not block the checkpoint of another store', () => {
    using locks = openLockStore();
    using data = openData();
    using other = writeFromOtherProcess(data);
    const holder = { ...createIdentity('other'), host: 'elsewhere', ticket: 1, count: 1, until: Date.now() + 60_000 };
    locks.set('l', { recipe: 'Lock', bound: 1, next: 2, inside: [holder], waiting: [] });
    // The first read after a write may do without a view.
    data.get('spare');
    data.get('n');
    expect(other.canEmptyLog()).toBe(false);
    expect(catchError(() => new Lock(locks, 'l').acquire({ timeout: 5 }))).toEqual(errorMatching('TIMEOUT'));
    expect(other.canEmptyLog()).toBe(true);
  });

  it("that waits for SQLite's write lock does not block the checkpoint of another store", () => {
    using busy = openLockStore({ timeout: 5 });
    using data = openData();
    using other = writeFromOtherProcess(data);
    using _lock = holdWriteLock(busy);
    // The first read after a write may do without a view.
    data.get('spare');
    data.get('n');
    expect(other.canEmptyLog()).toBe(false);
    expect(catchError(() => busy.set('a', 1))).toEqual(errorMatching('BUSY'));
    expect(other.canEmptyLog()).toBe(true);
  });

  it('that waits for the result of another process does not block the checkpoint of another store', () => {
    using results = openLockStore();
    using data = openData();
    using other = writeFromOtherProcess(data);
    const slow = results.memoize(() => 1, { name: 'slow' });
    const key = Buffer.from(encodeKey(['slow']) as Uint8Array);
    const holder = JSON.stringify({ ...createIdentity(), host: 'elsewhere' });
    const leases = new Database(join(results.directory, 'cache.db'));
    leases.prepare('INSERT INTO lease VALUES (?, ?, 1, unixepoch() + 20)').run(key, holder);
    data.get('n');
    const { wait } = Atomics;
    let canEmptyLog: boolean | undefined;
    vi.spyOn(Atomics, 'wait').mockImplementation((...args) => {
      canEmptyLog ??= other.canEmptyLog();
      leases.exec('DELETE FROM lease');
      return wait(...(args as Parameters<typeof wait>));
    });
    expect(slow()).toBe(1);
    leases.close();
    expect(canEmptyLog).toBe(true);
  });
});
