import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { Cache, type CacheMethods, FanoutCache, Index, type TransactionMessage } from '../../main/engine/index.ts';
import { withReadBudget } from '../../main/engine/values/read-budget.ts';
import { createManualClock } from './engine-fixture.ts';
import { freshDirectory } from './fresh-directory.ts';

const LARGE = 'x'.repeat(300);
const NO_LIMIT = { bytes: Number.POSITIVE_INFINITY };

/** On behalf of a page, rows are deleted one by one in small transactions: what a deletion at once is compared with. */
const oneByOne = <T>(work: () => T): T => withReadBudget({ ...NO_LIMIT }, work);
const atOnce = <T>(work: () => T): T => work();

/** How the items of a store are distributed: parts of a hundred. */
interface Mixture {
  readonly items: number;
  readonly tagged: number;
  readonly expiring: number;
  readonly inFiles: number;
}

/** Fills a store in a way that depends only on the numbers: keys lie at random to the order of insertion. */
function fill(store: CacheMethods, { items, tagged, expiring, inFiles }: Mixture): void {
  const isIn = (n: number, salt: number, percent: number) => (Math.imul(n + salt, 2_654_435_761) >>> 8) % 100 < percent;
  store.transact(() => {
    for (let n = 0; n < items; n++) {
      const key = `${(Math.imul(n, 2_654_435_761) >>> 0).toString(36).padStart(7, '0')}:${n}`;
      const value = isIn(n, 3, inFiles) ? `${n}${LARGE}` : { n };
      const ttl = isIn(n, 2, expiring) ? { ttl: 10 + (n % 5) } : {};
      if (isIn(n, 1, tagged)) store.set(`a${key}`, value, { ...ttl, tag: 'a' });
      else store.set(key, value, n % 3 === 0 ? { ...ttl, tag: 'other' } : ttl);
    }
  });
}

/** Everything that is stored: all columns of all rows, the counters, the schema. */
function dump(directory: string): unknown {
  return globSync('**/*.db', { cwd: directory })
    .sort()
    .map((name) => {
      const database = new Database(join(directory, name));
      try {
        const read = (sql: string) => database.prepare(sql).raw().all();
        const schema = read('SELECT name, sql FROM sqlite_schema ORDER BY name');
        const integrity = database.pragma('integrity_check', { simple: true });
        const rows = read('SELECT * FROM entry ORDER BY id').map((row) => (row as unknown[]).slice(0, 13).join());
        // Names of files are random, and so is where the numbers of a journal begin.
        const counters = read(
          "SELECT * FROM counter WHERE name NOT LIKE 'replaced %' AND name <> 'journal' ORDER BY name",
        );
        return { schema, integrity, rows: rows.map((row) => row.replace(/[0-9a-f]{32}/, 'file')), counters };
      } finally {
        database.close();
      }
    });
}

const countFiles = (directory: string): number => globSync('**/values/??/*.val', { cwd: directory }).length;

function countTransactions<T>(work: () => T): { readonly result: T; readonly transactions: number } {
  let transactions = 0;
  const listener = (message: unknown) => {
    if ((message as TransactionMessage).rows > 0) transactions++;
  };
  subscribe('deskcache:transaction', listener);
  try {
    return { result: work(), transactions };
  } finally {
    unsubscribe('deskcache:transaction', listener);
  }
}

type Open = (clock: () => number) => CacheMethods;
const STORES: Readonly<Record<string, Open>> = {
  Cache: (clock) => new Cache(freshDirectory(), { clock, fileThreshold: 200 }),
  'exclusive Cache with a tag index': (clock) =>
    new Cache(freshDirectory(), { clock, fileThreshold: 200, tagIndex: true, exclusive: true, durability: 'process' }),
  FanoutCache: (clock) => new FanoutCache(freshDirectory(), { clock, fileThreshold: 200, shards: 2 }),
};

const VERBS: Readonly<Record<string, (store: CacheMethods) => number>> = {
  evict: (store) => store.evict('a'),
  expire: (store) => store.expire(),
  deletePrefix: (store) => store.deletePrefix('a'),
  'clear with a prefix': (store) => store.clear({ prefix: 'a' }),
};

const MIXTURES: Readonly<Record<string, Mixture>> = {
  half: { items: 12_000, tagged: 50, expiring: 50, inFiles: 2 },
  everything: { items: 9_000, tagged: 100, expiring: 100, inFiles: 0 },
  'nearly everything': { items: 9_000, tagged: 97, expiring: 97, inFiles: 3 },
  'nearly everything, and some expired': { items: 9_000, tagged: 96, expiring: 40, inFiles: 0 },
};

describe.each(Object.entries(MIXTURES))('deleting %s at once', (_, mixture) => {
  const cases = Object.entries(STORES).flatMap(([kind, open]) =>
    Object.entries(VERBS).map(([verb, run]) => [kind, verb, open, run] as const),
  );
  it.each(cases)('leaves in a %s what deleting row by row leaves: %s', (kind, verb, open, run) => {
    const outcomes = [atOnce, oneByOne].map((how) => {
      const { clock, advance } = createManualClock();
      const store = open(clock);
      fill(store, mixture);
      advance(12);
      store.get('none');
      const { result, transactions } = countTransactions(() => how(() => run(store)));
      const files = countFiles(store.directory);
      const size = store.size;
      store.set('later', 1, { tag: 'a' });
      const keys = [...store.keys()];
      expect(store.check()).toEqual([]);
      store.close();
      return { compared: { result, files, size, keys, stored: dump(store.directory) }, transactions };
    });
    expect(outcomes[0]!.compared).toEqual(outcomes[1]!.compared);
    expect(outcomes[0]!.compared.result).toBeGreaterThan(0);
    if (verb === 'expire' && mixture.expiring < 50) return;
    // A first batch and the rest, in each shard, and the bookkeeping of replaced files and freed pages.
    expect(outcomes[0]!.transactions).toBeLessThanOrEqual(kind === 'FanoutCache' ? 8 : 4);
    expect(outcomes[1]!.transactions).toBeGreaterThan(12);
  });
});

describe('a deletion at once', () => {
  it('tells listeners each item with its reason', () => {
    const { clock, advance } = createManualClock();
    for (const [, run] of Object.entries(VERBS)) {
      const heard = [atOnce, oneByOne].map((how) => {
        using store = new Cache<string>(freshDirectory(), { clock, fileThreshold: 200 });
        fill(store, { items: 6000, tagged: 60, expiring: 60, inFiles: 1 });
        advance(12);
        const changes: string[] = [];
        store.subscribe(({ kind, key }) => changes.push(`${kind} ${String(key)}`));
        how(() => run(store));
        return changes.sort();
      });
      expect(heard[0]).toEqual(heard[1]);
      expect(heard[0]!.length).toBeGreaterThan(2048);
      expect(heard[0]).not.toContain('clear undefined');
    }
  });

  it('tells listeners each item also where the log of changes is too short for all of them', () => {
    using store = new Cache<string>(freshDirectory());
    fill(store, { items: 20_000, tagged: 100, expiring: 0, inFiles: 0 });
    let evicted = 0;
    store.subscribe(({ kind }) => {
      if (kind === 'evict') evicted++;
    });
    expect(store.evict('a')).toBe(20_000);
    expect(evicted).toBe(20_000);
  });

  it('is undone with its transaction, indexes and files included', () => {
    using store = new Cache<string>(freshDirectory(), { fileThreshold: 200 });
    fill(store, { items: 6000, tagged: 50, expiring: 0, inFiles: 2 });
    const files = countFiles(store.directory);
    const keys = [...store.keys()];
    expect(() =>
      store.transact(() => {
        expect(store.evict('a')).toBeGreaterThan(2048);
        expect(store.size).toBeLessThan(4000);
        throw new Error('on purpose');
      }),
    ).toThrow('on purpose');
    expect([...store.keys()]).toEqual(keys);
    expect(countFiles(store.directory)).toBe(files);
    expect(store.get(keys[5]!)).toBeDefined();
    expect(store.check()).toEqual([]);
    const { transactions } = countTransactions(() => store.transact(() => store.evict('a')));
    expect(transactions).toBeLessThanOrEqual(3);
    expect(store.check()).toEqual([]);
  });

  it('is seen by another process that has the store open, whose reads go on', () => {
    const directory = freshDirectory();
    using store = new Cache<string>(directory);
    using other = new Cache<string>(directory);
    fill(store, { items: 6000, tagged: 50, expiring: 0, inFiles: 0 });
    const keys = [...other.keys()];
    const gone = keys.filter((key) => key.startsWith('a'));
    expect(other.get(gone[0]!)).toBeDefined();
    expect(store.evict('a')).toBe(gone.length);
    expect(other.get(gone[0]!)).toBeUndefined();
    other.set(gone[0]!, 'again');
    expect(store.get(gone[0]!)).toBe('again');
    expect(other.size).toBe(keys.length - gone.length + 1);
    expect(store.check()).toEqual([]);
  });

  it('keeps the rows counted, whichever way the table was emptied', () => {
    for (const tagged of [50, 97, 100]) {
      using store = new Cache<string>(freshDirectory());
      fill(store, { items: 6000, tagged, expiring: 0, inFiles: 0 });
      const evicted = store.evict('a');
      expect(store.size).toBe(6000 - evicted);
      store.set('new', 1);
      store.set('new', 2);
      store.set('new 2', 1);
      expect(store.size).toBe(6002 - evicted);
      expect([...store.keys()].slice(-2)).toEqual(['new', 'new 2']);
    }
  });

  it('does not exceed the size limit for its log', () => {
    using store = new Cache<string>(freshDirectory(), { sizeLimit: 2 * 2 ** 20, evictionPolicy: 'none' });
    fill(store, { items: 10_000, tagged: 50, expiring: 0, inFiles: 0 });
    const { transactions } = countTransactions(() => store.evict('a'));
    expect(transactions).toBeGreaterThan(5);
    expect(store.check()).toEqual([]);
  });

  it('empties an index of a prefix in one transaction', () => {
    using index = new Index<string, number>(freshDirectory());
    index.setMany(Array.from({ length: 5000 }, (_, n) => [`${n % 2 ? 'a' : 'b'}${n}`, n] as const));
    const { result, transactions } = countTransactions(() => index.deletePrefix('a'));
    expect(result).toBe(2500);
    expect(transactions).toBeLessThanOrEqual(2);
    expect([...index.keys()].every((key) => key.startsWith('b'))).toBe(true);
    expect(index.check()).toEqual([]);
  });
});
