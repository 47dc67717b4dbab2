import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { Averager, Cache, Lock, throttle } from '../../main/engine/index.ts';
import { createIdentity } from '../../main/engine/process-identity.ts';
import { encodeKey } from '../../main/engine/values/key.ts';
import { createManualClock } from '../engine/engine-fixture.ts';
import { errorMatching } from '../matchers.ts';
import { catchError, openLockStore } from './lock-fixture.ts';

const HOUR_MS = 3_600_000;
const YEAR_MS = 365 * 24 * HOUR_MS;

describe.each([
  ['a year', YEAR_MS],
  ['two hours', 2 * HOUR_MS],
])('after a clock that was %s ahead was corrected', (_, ahead) => {
  it('a lock whose holder is dead is free after one lease, also for a caller that tries once', () => {
    using cache = openLockStore();
    const { clock, advance } = createManualClock();
    const dead = { ...createIdentity('dead'), host: 'elsewhere', ticket: 1, count: 1 };
    const until = clock() + ahead + 30_000;
    cache.set('k', { recipe: 'Lock', bound: 1, next: 2, inside: [{ ...dead, until, lease: 30_000 }], waiting: [] });
    const lock = new Lock(cache, 'k', { clock });
    expect(catchError(() => lock.acquire({ timeout: 0 }))).toEqual(errorMatching('TIMEOUT'));
    advance(29_000);
    expect(catchError(() => lock.acquire({ timeout: 0 }))).toEqual(errorMatching('TIMEOUT'));
    advance(1000);
    lock.acquire({ timeout: 0 }).release();
  });

  it('a lock with a long lease stays with its live holder', () => {
    using cache = openLockStore();
    const { clock, advance } = createManualClock();
    advance(ahead);
    const hold = new Lock(cache, 'k', { clock, lease: 10 * HOUR_MS }).acquire();
    advance(-ahead);
    const other = new Lock(cache, 'k', { clock, lease: 1000 });
    expect(catchError(() => other.acquire({ timeout: 0 }))).toEqual(errorMatching('TIMEOUT'));
    advance(9 * HOUR_MS);
    expect(catchError(() => other.acquire({ timeout: 0 }))).toEqual(errorMatching('TIMEOUT'));
    hold.release();
    other.acquire({ timeout: 0 }).release();
  });

  it('a live waiter keeps its turn, and a dead one loses it', async () => {
    using cache = openLockStore();
    const { clock, advance } = createManualClock();
    const dead = { ...createIdentity('dead'), host: 'elsewhere', ticket: 1, count: 1, lease: 3000 };
    const until = clock() + ahead + 3000;
    cache.set('k', { recipe: 'Lock', bound: 1, next: 2, inside: [], waiting: [{ ...dead, until }] });
    const acquired = new Lock(cache, 'k', { clock }).acquireAsync();
    advance(3000);
    (await acquired).release();
  });

  it('throttle and averager continue to work', () => {
    using cache = openLockStore();
    const { clock, advance } = createManualClock();
    advance(ahead);
    const limited = throttle(cache, 1, 100, { clock, timeout: 0, name: 't' })(() => true);
    expect(limited()).toBe(true);
    advance(-ahead);
    expect(catchError(limited)).toEqual(errorMatching('TIMEOUT'));
    advance(100);
    expect(limited()).toBe(true);
    const mean = new Averager(cache, 'mean');
    mean.add(1);
    expect(mean.get()).toBe(1);
  });
});

describe('leases from before the clock was set back', () => {
  it('do not block the computation of a memoized result', () => {
    using cache = openLockStore();
    const database = new Database(join(cache.directory, 'cache.db'));
    const holder = JSON.stringify({ ...createIdentity(), host: 'elsewhere' });
    database
      .prepare('INSERT INTO lease VALUES (?, ?, 1, unixepoch() + 86400 * 365)')
      .run(Buffer.from(encodeKey(['m']) as Uint8Array), holder);
    database.close();
    expect(cache.memoize(() => 1, { name: 'm' })()).toBe(1);
  });

  it('and listeners from then are removed when the store is opened', () => {
    using store = openLockStore();
    const { directory } = store;
    const database = new Database(join(directory, 'cache.db'));
    database.exec("INSERT INTO listener VALUES ('dead', unixepoch() + 86400 * 365)");
    new Cache(directory).close();
    expect(database.prepare('SELECT count(*) FROM listener').pluck().get()).toBe(0);
    database.close();
  });
});
