import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { Cache, type CacheMethods, FanoutCache } from '../../main/engine/index.ts';
import { type ReadBudget, withReadBudget } from '../../main/engine/internal.ts';
import type { Change } from '../../protocol/options.ts';
import { createManualClock } from './engine-fixture.ts';
import { freshDirectory } from './fresh-directory.ts';

const ITEMS = 4000;
const toKey = (n: number) => `${n % 2 ? 'odd' : 'even'} ${(n * 7919) % ITEMS}`;

/** Runs a verb as on behalf of a page: in slices of one step each, between which others may work. */
function runInSlices(verb: () => number, between: () => void = () => {}): number {
  const budget: ReadBudget = { bytes: Number.POSITIVE_INFINITY, progress: new Map() };
  for (let total = 0; ; between()) {
    budget.isPaused = false;
    budget.pauseAt = 0;
    total += withReadBudget(budget, verb);
    if (!budget.isPaused) return total;
  }
}

const fill = (store: CacheMethods): void =>
  store.setMany(Array.from({ length: ITEMS }, (_, n) => [toKey(n), n, n % 2 ? { tag: 'odd' } : {}] as const));

/** Rows in the database, and those that are marked. */
function countRows(directory: string): { rows: number; marked: number } {
  const database = new Database(join(directory, 'cache.db'), { readonly: true });
  try {
    const [rows, marked] = database
      .prepare('SELECT count(*), coalesce(sum(expires_at = -9e999), 0) FROM entry')
      .raw()
      .get() as [number, number];
    return { rows, marked };
  } finally {
    database.close();
  }
}

const openMarked = (options: ConstructorParameters<typeof Cache>[1] = {}) => {
  const store = new Cache<string, number>(freshDirectory(), options);
  fill(store);
  expect(runInSlices(() => store.evict('odd'))).toBe(ITEMS / 2);
  return store;
};

describe('many items that a page deletes', () => {
  const verbs: Readonly<Record<string, (store: CacheMethods) => number>> = {
    evict: (store) => store.evict('odd'),
    deletePrefix: (store) => store.deletePrefix('odd'),
    'clear of a prefix': (store) => store.clear({ prefix: 'odd' }),
  };
  const stores: Readonly<Record<string, () => CacheMethods>> = {
    Cache: () => new Cache(freshDirectory()),
    'an exclusive Cache': () => new Cache(freshDirectory(), { exclusive: true }),
    'a Cache with an index of tags': () => new Cache(freshDirectory(), { tagIndex: true }),
    FanoutCache: () => new FanoutCache(freshDirectory(), { shards: 2 }),
  };
  for (const [title, open] of Object.entries(stores))
    it.each(Object.entries(verbs))(`are gone for every read of ${title}: %s`, (_, verb) => {
      using store = open();
      fill(store);
      for (let n = 0; n < 100; n++) store.get(toKey(n));
      expect(runInSlices(() => verb(store))).toBe(ITEMS / 2);
      expect(store.size).toBe(ITEMS / 2);
      expect([...store.keys()].filter((key) => String(key).startsWith('odd'))).toEqual([]);
      expect([...store.keys({ order: 'key' })]).toHaveLength(ITEMS / 2);
      for (let n = 0; n < 100; n++) {
        expect([store.has(toKey(n)), store.get(toKey(n))]).toEqual(n % 2 ? [false, undefined] : [true, n]);
      }
      expect(runInSlices(() => verb(store))).toBe(0);
      expect(verb(store)).toBe(0);
      expect(store.check()).toEqual([]);
    });

  it('are marked, not deleted one by one, and invisible in another process at once', () => {
    using store = openMarked();
    expect(countRows(store.directory).marked).toBeGreaterThan(ITEMS / 8);
    using other = new Cache<string, number>(store.directory);
    expect([other.size, other.has(toKey(ITEMS - 1)), other.has(toKey(ITEMS - 2))]).toEqual([ITEMS / 2, false, true]);
  });

  it('are expired ones, which count once', () => {
    const { clock, advance } = createManualClock();
    using store = new Cache<string, number>(freshDirectory(), { clock });
    store.setMany(Array.from({ length: ITEMS }, (_, n) => [toKey(n), n, n % 2 ? { ttl: 5 } : {}] as const));
    advance(10);
    expect(runInSlices(() => store.expire())).toBe(ITEMS / 2);
    expect([store.expire(), store.size]).toEqual([0, ITEMS / 2]);
  });

  it('are told to listeners once, with the reason', () => {
    for (const [verb, kind] of [
      [(store: Cache) => store.evict('odd'), 'evict'],
      [(store: Cache) => store.deletePrefix('odd'), 'delete'],
    ] as const) {
      using store = new Cache(freshDirectory());
      fill(store);
      const changes: Change[] = [];
      store.subscribe((change) => changes.push(change));
      runInSlices(() => verb(store));
      const expected = Array.from({ length: ITEMS }, (_, n) => toKey(n)).filter((key) => key.startsWith('odd'));
      expect(changes.map(({ key }) => key).sort()).toEqual(expected.sort());
      expect(new Set(changes.map((change) => change.kind))).toEqual(new Set([kind]));
      changes.length = 0;
      // Removes the rows.
      store.expire();
      store.set('last', 1);
      expect(changes).toEqual([{ kind: 'set', key: 'last' }]);
      expect(countRows(store.directory).rows).toBe(ITEMS / 2 + 1);
    }
  });

  it.each([false, true])(
    'are gone if the clock was set back since they were stored; in an exclusive store: %s',
    (exclusive) => {
      for (const verb of [(store: Cache) => store.evict('odd'), (store: Cache) => store.deletePrefix('odd')]) {
        const { clock, advance } = createManualClock();
        using store = new Cache(freshDirectory(), { clock, exclusive });
        fill(store);
        advance(-30_000);
        expect([runInSlices(() => verb(store)), store.size]).toEqual([ITEMS / 2, ITEMS / 2]);
      }
    },
  );

  it('stay if they are set again meanwhile', () => {
    const { clock, advance } = createManualClock();
    using store = new Cache<string, number>(freshDirectory(), { clock });
    fill(store);
    let isSet = false;
    const last = toKey(ITEMS - 1);
    const deleted = runInSlices(
      () => store.evict('odd'),
      () => {
        if (isSet) return;
        advance(10);
        store.set(last, -1, { tag: 'odd' });
        store.set('odd new', -2, { tag: 'odd' });
        isSet = true;
      },
    );
    expect([deleted, store.get(last), store.get('odd new'), store.size]).toEqual([
      ITEMS / 2 - 1,
      -1,
      -2,
      ITEMS / 2 + 2,
    ]);
  });
});

describe('an item that was deleted by a mark', () => {
  const marked = toKey(ITEMS - 1);

  it.each([false, true])('is missing for every verb; in an exclusive store: %s', (exclusive) => {
    using store = openMarked({ exclusive });
    expect([store.delete(marked), store.touch(marked, { ttl: 5 }), store.pop(marked)]).toEqual([
      false,
      false,
      undefined,
    ]);
    expect(store.getEntry(marked)).toBeUndefined();
    expect(store.add(toKey(ITEMS - 3), 7)).toBe(true);
    expect(store.incr(toKey(ITEMS - 5), 1, { default: 10 })).toBe(11);
    store.set(marked, 8);
    expect([...store.entries()].slice(-3)).toEqual([
      [toKey(ITEMS - 3), 7],
      [toKey(ITEMS - 5), 11],
      [marked, 8],
    ]);
    expect(store.size).toBe(ITEMS / 2 + 3);
  });

  it('is not counted by expire, which removes its row', () => {
    using store = openMarked();
    expect([store.expire(), countRows(store.directory)]).toEqual([0, { rows: ITEMS / 2, marked: 0 }]);
    expect(store.size).toBe(ITEMS / 2);
  });

  it('leaves its row to a timer, also to that of the next process', async () => {
    const store = openMarked();
    const { directory } = store;
    store.close();
    expect(countRows(directory).marked).toBeGreaterThan(0);
    using next = new Cache(directory);
    await expect.poll(() => countRows(directory), { timeout: 20_000 }).toEqual({ rows: ITEMS / 2, marked: 0 });
    expect(next.size).toBe(ITEMS / 2);
  });

  it('is evicted before any other', () => {
    using store = openMarked({ evictionPolicy: 'least-recently-stored' });
    const before = countRows(store.directory).rows;
    store.configure({ sizeLimit: 200 * 1024 });
    store.set('over the limit', 1);
    const { rows, marked } = countRows(store.directory);
    expect([rows < before, marked > 0, store.size]).toEqual([true, true, ITEMS / 2 + 1]);
  });

  it.each([1, 2])('makes room at once where the policy evicts nothing; shards: %s', (shards) => {
    // A log that the worker thread is behind with counts as used: docs/limits.md.
    const options = { evictionPolicy: 'none', sizeLimit: 3 * 2 ** 20, exclusive: false, workerThread: false } as const;
    const directory = freshDirectory();
    using store: CacheMethods =
      shards === 1 ? new Cache(directory, options) : new FanoutCache(directory, { ...options, shards });
    const value = 'x'.repeat(500);
    const setUntilFull = (options: object): number => {
      for (let n = 0; ; n++) {
        try {
          store.set(`${JSON.stringify(options)} ${n}`, value, options);
        } catch (error) {
          expect(error).toMatchObject({ code: 'DISK_FULL' });
          return n;
        }
      }
    };
    const stored = setUntilFull({ tag: 'odd' });
    expect(stored).toBeGreaterThan(1500);
    expect(runInSlices(() => store.evict('odd'))).toBe(stored);
    expect(setUntilFull({})).toBeGreaterThan(stored / 2);
  });

  it('is one whose expiry on disk is minus infinity', () => {
    const directory = freshDirectory();
    new Cache(directory).close();
    const database = new Database(join(directory, 'cache.db'));
    // As a version before wrote it.
    database.exec(`INSERT INTO entry (id, key, expires_at, mode, checksum, size, value, stored_at, used_at) VALUES
      (1, 'gone', -9e999, 0, 0, 1, 1, 5, 5), (2, 'expired', 1, 0, 0, 1, 1, 5, 5)`);
    database.close();
    using store = new Cache(directory, { readOnly: true });
    expect([store.size, store.has('gone'), [...store.keys()]]).toEqual([0, false, []]);
    using writer = new Cache(directory);
    expect([writer.expire(), countRows(directory).rows]).toEqual([1, 0]);
  });

  it('is not what was stored with an expiry in the infinite past', () => {
    for (const options of [{ expiresAt: Number.NEGATIVE_INFINITY }, { ttl: Number.NEGATIVE_INFINITY }]) {
      using store = new Cache<string, number>(freshDirectory());
      store.set('a', 1, options);
      expect([store.size, store.has('a'), store.expire()]).toEqual([0, false, 1]);
    }
  });
});
