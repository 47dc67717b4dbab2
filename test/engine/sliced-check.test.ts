import { copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { Cache, Deque, FanoutCache, Index } from '../../main/engine/index.ts';
import { type ReadBudget, withReadBudget } from '../../main/engine/internal.ts';
import type { CheckOptions, Finding } from '../../protocol/results.ts';
import { freshDirectory } from './fresh-directory.ts';

interface Checked {
  check(options?: CheckOptions): Finding[];
}

/** Checks as on behalf of a page: in slices of one step each, between which others may work. */
function checkInSlices(store: Checked, between: () => void = () => {}, options?: CheckOptions) {
  const budget: ReadBudget = { bytes: Number.POSITIVE_INFINITY, progress: new Map() };
  for (let slices = 1; ; slices++, between()) {
    budget.isPaused = false;
    budget.pauseAt = 0;
    const findings = withReadBudget(budget, () => store.check(options));
    if (!budget.isPaused) return { findings, slices };
  }
}

const ITEMS = 2000;
const fillOptions = (n: number) => ({
  ...(n % 3 ? {} : { tag: `tag ${n % 7}` }),
  ...(n % 5 ? {} : { ttl: 3_600_000 }),
});
const fill = (store: Cache): void => {
  store.setMany(Array.from({ length: ITEMS }, (_, n) => [`key ${(n * 7919) % ITEMS}`, { n }, fillOptions(n)] as const));
  for (let n = 0; n < 20; n++) store.set(`file ${n}`, 'x'.repeat(40_000));
};

/** Changes the database of a store behind its back. */
function tamper(directory: string, ...statements: string[]): void {
  const database = new Database(join(directory, 'cache.db'));
  database.unsafeMode();
  for (const statement of statements) database.exec(statement);
  database.close();
}

const codes = (findings: readonly Finding[]) => findings.map(({ code }) => code);

describe('a check on behalf of a page', () => {
  const kinds: Readonly<Record<string, () => Checked & Disposable>> = {
    cache: () => {
      const store = new Cache(freshDirectory(), { tagIndex: true, evictionPolicy: 'least-frequently-used' });
      fill(store);
      return store;
    },
    'exclusive cache': () => {
      const store = new Cache(freshDirectory(), { exclusive: true });
      fill(store);
      return store;
    },
    'fanout cache': () => {
      const store = new FanoutCache(freshDirectory(), { shards: 3 });
      store.setMany(Array.from({ length: ITEMS }, (_, n) => [n % 2 ? n : `${n}`, n] as const));
      return store;
    },
    index: () => {
      const store = new Index(freshDirectory(), { durability: 'process' });
      store.setMany(Array.from({ length: ITEMS }, (_, n) => [n, n] as const));
      return store;
    },
    deque: () => {
      const store = new Deque(freshDirectory(), { durability: 'process' });
      store.push(...Array.from({ length: ITEMS }, (_, n) => n));
      store.unshift(...Array.from({ length: ITEMS }, (_, n) => n));
      return store;
    },
  };
  it.each(Object.entries(kinds))('finds nothing in an undamaged %s, in many slices', (_, open) => {
    using store = open();
    const { findings, slices } = checkInSlices(store);
    expect(findings).toEqual([]);
    expect(slices).toBeGreaterThan(ITEMS / 256);
  });

  it('finds nothing wrong with what is written meanwhile', () => {
    using store = new Cache(freshDirectory());
    fill(store);
    let writes = 0;
    const { findings } = checkInSlices(store, () => {
      const n = writes++;
      store.set(`key ${(n * 31) % ITEMS}`, 'y'.repeat(n % 9 ? 10 : 40_000));
      store.delete(`key ${(n * 17) % ITEMS}`);
      store.set(`new ${n}`, n, { tag: 'new' });
    });
    expect(findings).toEqual([]);
    expect(writes).toBeGreaterThan(10);
  });

  it('leaves the pending changes of a journal where they are', () => {
    using store = new Cache(freshDirectory(), { exclusive: true, workerThread: false } as object);
    fill(store);
    store.set('pending', 1);
    const { path } = { path: join(store.directory, 'journal-0') };
    const before = readFileSync(path).length;
    expect(checkInSlices(store).findings).toEqual([]);
    store.set('pending, too', 2);
    expect(readFileSync(path).length).toBeGreaterThan(before);
  });

  const damages: Readonly<Record<string, readonly string[]>> = {
    'a changed value': ['UPDATE entry SET value = 5 WHERE id = 700'],
    'a lost count of bytes': ["UPDATE counter SET value = 17 WHERE name = 'file bytes'"],
    'a missing counter': ["DELETE FROM counter WHERE name = 'settings'"],
    'a file that is not there': [
      "UPDATE entry SET file = '0123456789abcdef0123456789abcdef' WHERE file IS NOT NULL AND id % 5 = 0",
    ],
    'an item that the index of keys lacks': [
      'PRAGMA writable_schema = ON',
      "UPDATE sqlite_schema SET sql = sql || ' WHERE id <> 900' WHERE name = 'entry_key'",
      'PRAGMA writable_schema = RESET',
      'REINDEX entry_key',
      'PRAGMA writable_schema = ON',
      "UPDATE sqlite_schema SET sql = replace(sql, ' WHERE id <> 900', '') WHERE name = 'entry_key'",
    ],
    'an expiry that the index lacks': [
      'PRAGMA writable_schema = ON',
      "UPDATE sqlite_schema SET sql = sql || ' AND id > 900' WHERE name = 'entry_expiry'",
      'PRAGMA writable_schema = RESET',
      'REINDEX entry_expiry',
      'PRAGMA writable_schema = ON',
      "UPDATE sqlite_schema SET sql = replace(sql, ' AND id > 900', '') WHERE name = 'entry_expiry'",
    ],
  };
  it.each(Object.entries(damages))('finds %s, and repairs it', (_, statements) => {
    const directory = freshDirectory();
    const filled = new Cache(directory);
    fill(filled);
    filled.close();
    tamper(directory, ...statements);
    using store = new Cache(directory);
    const expected = codes(store.check());
    expect(expected).not.toEqual([]);
    expect(codes(checkInSlices(store).findings)).toEqual(expected);
    expect(codes(checkInSlices(store, () => {}, { repair: true }).findings)).toEqual(expected);
    expect(checkInSlices(store).findings).toEqual([]);
    expect(store.check()).toEqual([]);
  });

  it('finds a file that belongs to no item', () => {
    using store = new Cache(freshDirectory());
    fill(store);
    const values = join(store.directory, 'values');
    const [name] = readdirSync(values, { recursive: true, encoding: 'utf8' }).filter((path) => path.length > 30);
    const path = join(values, name!);
    copyFileSync(
      path,
      path.replace(/[0-9a-f]$|[0-9a-f](?=\.\w+$)/, (digit) => (digit === '0' ? '1' : '0')),
    );
    expect(codes(checkInSlices(store).findings)).toEqual(['orphan']);
    rmSync(path);
    expect(codes(checkInSlices(store).findings).sort()).toEqual(['file', 'orphan']);
  });

  it('finds whatever byte of a page with items is damaged, as a check at once does', () => {
    const directory = freshDirectory();
    const filled = new Cache(directory);
    fill(filled);
    filled.close();
    const whole = readFileSync(join(directory, 'cache.db'));
    let found = 0;
    for (let n = 0; n < 60; n++) {
      const damaged = Buffer.from(whole);
      const place = 8192 + ((n * 48_271) % (whole.length - 8192));
      damaged[place] = damaged[place]! ^ (1 + (n % 255));
      writeFileSync(join(directory, 'cache.db'), damaged);
      using store = new Cache(directory);
      const expected = store.check();
      const { findings } = checkInSlices(store);
      if (expected.length > 0) found++;
      if (expected.some(({ code }) => code !== 'database')) expect(findings).not.toEqual([]);
    }
    expect(found).toBeGreaterThan(20);
  });
});
