import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import { limitBlocking } from '../../main/engine/internal.ts';
import { cache } from '../../protocol/stores.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { catchError } from '../locks/lock-fixture.ts';
import { errorMatching } from '../matchers.ts';
import { openBridge } from './bridge-fixture.ts';

/** SQLite's write lock of a store, held by another process until it is let go. */
function holdWriteLock({ directory }: { readonly directory: string }): Disposable {
  const database = new Database(join(directory, 'cache.db'), { timeout: 0 });
  database.exec('BEGIN IMMEDIATE');
  return { [Symbol.dispose]: () => database.close() };
}

/** The longest time for which a thread was blocked in one go, for locks. Milliseconds. */
function measureBlocking(): { longest(): number } {
  const { wait } = Atomics;
  let began = Number.NaN;
  let longest = 0;
  let timer: NodeJS.Immediate | undefined;
  vi.spyOn(Atomics, 'wait').mockImplementation((...args) => {
    if (timer === undefined) began = performance.now();
    const result = wait(...(args as Parameters<typeof wait>));
    longest = Math.max(longest, performance.now() - began);
    timer ??= setImmediate(() => {
      timer = undefined;
    });
    return result;
  });
  return { longest: () => longest };
}

describe('a page whose store is locked by another process', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it.each([
    ['one write', (page: ReturnType<typeof openBridge>['diskCache']) => page.cache('api').set('k', 1)],
    [
      'a turn of several',
      (page: ReturnType<typeof openBridge>['diskCache']) =>
        Promise.all([page.cache('api').get('k'), page.cache('api').set('k', 1)]),
    ],
    ['a batch', (page: ReturnType<typeof openBridge>['diskCache']) => page.cache('api').batch([{ set: ['k', 1] }])],
  ])('waits without blocking the main process, and keeps its order (%s)', async (_, write) => {
    using bridge = openBridge({ stores: { api: cache(), other: cache() } });
    const { diskCache } = bridge;
    await diskCache.cache('api').set('k', 0);
    const blocked = measureBlocking();
    const order: string[] = [];
    let first: Promise<unknown>;
    let second: Promise<unknown>;
    {
      using _lock = holdWriteLock(bridge.cacheInMain('api'));
      first = write(diskCache).then(() => order.push('first'));
      await pause(20);
      second = diskCache
        .cache('api')
        .set('k', 2)
        .then(() => order.push('second'));
      await bridge.anotherPage().cache('other').set('x', 1);
      await pause(150);
      expect(order).toEqual([]);
    }
    await Promise.all([first, second]);
    expect(order).toEqual(['first', 'second']);
    expect(await diskCache.cache('api').get('k')).toBe(2);
    expect(blocked.longest()).toBeGreaterThan(0);
    expect(blocked.longest()).toBeLessThan(250);
  });

  it('rejects with BUSY when the timeout of the store has passed, and not before', async () => {
    using bridge = openBridge({ stores: { api: cache({ timeout: 200 }) } });
    using _lock = holdWriteLock(bridge.cacheInMain('api'));
    const before = performance.now();
    await expect(bridge.diskCache.cache('api').set('k', 1)).rejects.toEqual(errorMatching('BUSY'));
    expect(performance.now() - before).toBeGreaterThanOrEqual(199);
  });
});

describe('the main thread of a host', () => {
  it('is blocked no longer than its limit by a store that was given no time', () => {
    using given = new Cache(freshDirectory(), { timeout: 120 });
    using store = new Cache(freshDirectory());
    using _givenLock = holdWriteLock(given);
    using _storeLock = holdWriteLock(store);
    const unlimit = limitBlocking(20);
    try {
      for (const [cacheThere, least, most] of [
        [store, 20, 4000],
        [given, 120, Number.POSITIVE_INFINITY],
      ] as const) {
        const before = performance.now();
        expect(catchError(() => cacheThere.set('k', 1))).toEqual(errorMatching('BUSY'));
        expect(performance.now() - before).toBeGreaterThanOrEqual(least - 1);
        expect(performance.now() - before).toBeLessThan(most);
      }
    } finally {
      unlimit();
    }
  });
});
