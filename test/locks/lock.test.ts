import { spawnSync } from 'node:child_process';
import { describe, expect, it, vi } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import { Lock } from '../../main/engine/locks/locks.ts';
import type { SemaphoreState } from '../../main/engine/locks/ticket-semaphore.ts';
import { createIdentity } from '../../main/engine/process-identity.ts';
import { createManualClock } from '../engine/engine-fixture.ts';
import { errorMatching } from '../matchers.ts';
import { catchError, openLockStore, sleep } from './lock-fixture.ts';

const readSemaphoreState = (cache: Cache, key: string) => cache.get(key) as SemaphoreState | undefined;

/** A participant whose process has exited. */
function createDeadOwner() {
  const { pid } = spawnSync(process.execPath, ['--version']);
  return { ...createIdentity('dead'), pid, started: '1' };
}

/** Writes participants into the row of a lock, as another process would. */
function insertHolders(cache: Cache, key: string, inside: readonly object[], waiting: readonly object[] = []): void {
  cache.set(key, { recipe: 'Lock', bound: 1, next: inside.length + waiting.length + 1, inside, waiting });
}

describe('Lock', () => {
  it('is held by one owner from acquire to release', () => {
    using cache = openLockStore();
    const lock = new Lock(cache, 'k');
    expect(lock.locked()).toBe(false);
    const hold = lock.acquire();
    expect([lock.locked(), hold.held]).toEqual([true, true]);
    expect(catchError(() => new Lock(cache, 'k').acquire({ timeout: 0 }))).toEqual(errorMatching('TIMEOUT'));
    hold.release();
    expect([lock.locked(), hold.held]).toEqual([false, false]);
    new Lock(cache, 'k').acquire({ timeout: 0 }).release();
  });

  it('is released at the end of a using block', () => {
    using cache = openLockStore();
    const lock = new Lock(cache, ['any', 'key']);
    {
      using hold = lock.acquire();
      expect(hold.held).toBe(true);
    }
    expect(lock.locked()).toBe(false);
  });

  it('can be released only by its holder, and only once', () => {
    using cache = openLockStore();
    const lock = new Lock(cache, 'k');
    expect(catchError(() => lock.release())).toEqual(errorMatching('NOT_ALLOWED', "'k'"));
    const hold = lock.acquire();
    expect(catchError(() => new Lock(cache, 'k').release())).toEqual(errorMatching('NOT_ALLOWED'));
    expect(hold.held).toBe(true);
    lock.release();
    expect(catchError(() => lock.release())).toEqual(errorMatching('NOT_ALLOWED'));
    expect(catchError(() => hold.release())).toEqual(errorMatching('NOT_ALLOWED', 'already released'));
    expect(() => hold[Symbol.dispose]()).not.toThrow();
  });

  it('names its holder in a timeout, and does not block a thread that waits for itself', async () => {
    using cache = openLockStore();
    const lock = new Lock(cache, 'k');
    const { ticket } = lock.acquire();
    const holder = `process ${process.pid}`;
    expect(catchError(() => lock.acquire())).toEqual(errorMatching('TIMEOUT', 'use acquireAsync'));
    await expect(lock.acquireAsync({ timeout: 30 })).rejects.toEqual(errorMatching('TIMEOUT', holder));
    await expect(lock.acquireAsync({ timeout: 0 })).rejects.toEqual(errorMatching('TIMEOUT', `ticket ${ticket}`));
    expect(readSemaphoreState(cache, 'k')?.waiting).toEqual([]);
  });

  it('blocks while waiting for another process, but no longer than the timeout', () => {
    using cache = openLockStore();
    const other = { ...createIdentity('other'), host: 'elsewhere' };
    insertHolders(cache, 'k', [{ ...other, ticket: 1, count: 1, until: Date.now() + 60_000 }]);
    const before = performance.now();
    expect(catchError(() => new Lock(cache, 'k').acquire({ timeout: 60 }))).toEqual(
      errorMatching('TIMEOUT', 'on elsewhere'),
    );
    expect(performance.now() - before).toBeGreaterThanOrEqual(59);
  });

  it('serves tickets in order', async () => {
    using cache = openLockStore();
    const lock = new Lock(cache, 'k');
    const first = lock.acquire();
    const order: number[] = [];
    const waiting = Array.from({ length: 6 }, async (_, index) => {
      using hold = await new Lock(cache, 'k').acquireAsync();
      order.push(hold.ticket);
      await sleep(index % 2);
    });
    // A later caller that tries without waiting does not get the lock before them.
    first.release();
    expect(catchError(() => lock.acquire({ timeout: 0 }))).toEqual(errorMatching('TIMEOUT'));
    await Promise.all(waiting);
    expect(order).toEqual([2, 3, 4, 5, 6, 7]);
  });

  it('does not block timers in acquireAsync', async () => {
    using cache = openLockStore();
    const lock = new Lock(cache, 'k');
    const hold = lock.acquire();
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    const next = lock.acquireAsync();
    await sleep(80);
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(2);
    hold.release();
    (await next).release();
  });

  it('is passed on within a thread without a timer', async () => {
    using cache = openLockStore();
    const lock = new Lock(cache, 'k');
    const hold = lock.acquire();
    vi.useFakeTimers({ toFake: ['setTimeout'] });
    try {
      const [second, third] = [lock.acquireAsync(), new Lock(cache, 'k').acquireAsync()];
      hold.release();
      (await second).release();
      (await third).release();
    } finally {
      vi.useRealTimers();
    }
  });

  it('stops waiting on abort, with its reason, and gives up its turn', async () => {
    using cache = openLockStore();
    const lock = new Lock(cache, 'k');
    const hold = lock.acquire();
    const control = new AbortController();
    const aborted = lock.acquireAsync({ signal: control.signal });
    const next = lock.acquireAsync();
    control.abort(new Error('no longer wanted'));
    await expect(aborted).rejects.toThrow('no longer wanted');
    await expect(lock.acquireAsync({ signal: control.signal })).rejects.toThrow('no longer wanted');
    expect(readSemaphoreState(cache, 'k')?.waiting).toHaveLength(1);
    hold.release();
    (await next).release();
  });

  it('renews its lease while it is held', async () => {
    using cache = openLockStore();
    using hold = new Lock(cache, 'k', { lease: 90 }).acquire();
    await expect(new Lock(cache, 'k', { lease: 90 }).acquireAsync({ timeout: 300 })).rejects.toEqual(
      errorMatching('TIMEOUT'),
    );
    expect([hold.held, hold.signal.aborted]).toEqual([true, false]);
  });

  it('goes to the next waiter when the lease is over, and the previous holder notices', () => {
    using cache = openLockStore();
    const { clock, advance } = createManualClock();
    const late = new Lock(cache, 'k', { lease: 1000, clock }).acquire();
    advance(999);
    late.renew();
    advance(999);
    expect(catchError(() => new Lock(cache, 'k', { clock }).acquire({ timeout: 0 }))).toEqual(errorMatching('TIMEOUT'));
    advance(1);
    const next = new Lock(cache, 'k', { clock }).acquire({ timeout: 0 });
    expect([late.held, next.held]).toEqual([false, true]);
    expect(next.ticket).toBeGreaterThan(late.ticket);
    expect(catchError(() => late.renew())).toEqual(errorMatching('NOT_ALLOWED', 'was lost'));
    expect(late.signal.aborted).toBe(true);
    expect(catchError(() => late.release())).toEqual(errorMatching('NOT_ALLOWED', 'was lost'));
    expect(next.held).toBe(true);
    next.release();
  });

  it('skips a holder and a waiter whose process has exited, at once', () => {
    using cache = openLockStore();
    const dead = { ...createDeadOwner(), count: 1, until: Date.now() + 60_000 };
    insertHolders(cache, 'k', [{ ...dead, ticket: 1 }], [{ ...dead, ticket: 2 }]);
    const lock = new Lock(cache, 'k');
    expect(lock.locked()).toBe(false);
    using hold = lock.acquire({ timeout: 0 });
    expect(hold.ticket).toBe(3);
    expect(readSemaphoreState(cache, 'k')?.waiting).toEqual([]);
  });

  it('detects a reused process id', { skip: process.platform !== 'linux' }, () => {
    using cache = openLockStore();
    const before = { ...createIdentity('before'), started: '1', count: 1, until: Date.now() + 60_000 };
    insertHolders(cache, 'k', [{ ...before, ticket: 1 }], [{ ...before, pid: process.ppid, ticket: 2 }]);
    new Lock(cache, 'k').acquire({ timeout: 0 }).release();
    insertHolders(cache, 'k', [{ ...before, pid: process.ppid, ticket: 1 }]);
    new Lock(cache, 'k').acquire({ timeout: 0 }).release();
  });

  it('notifies the holder when its row is deleted, and refuses a second release', async () => {
    using cache = openLockStore();
    const hold = new Lock(cache, 'k', { lease: 60 }).acquire();
    cache.clear();
    expect(hold.held).toBe(false);
    await sleep(60);
    expect(hold.signal.reason).toEqual(errorMatching('NOT_ALLOWED', 'row was deleted'));
    expect(catchError(() => hold.release())).toEqual(errorMatching('NOT_ALLOWED'));
  });

  it('does not expire with the default ttl of its store, and survives reopening', () => {
    const { clock, advance } = createManualClock();
    const first = openLockStore({ ttl: 1000, clock });
    new Lock(first, 'k', { clock, lease: 100_000 }).acquire();
    advance(5000);
    first.close();
    using second = new Cache(first.directory, { clock });
    expect(new Lock(second, 'k', { clock }).locked()).toBe(true);
  });

  it('ends waits and handles when the store is closed', async () => {
    const cache = openLockStore();
    const lock = new Lock(cache, 'k', { lease: 60 });
    const hold = lock.acquire();
    const waiting = lock.acquireAsync();
    cache.close();
    await expect(waiting).rejects.toEqual(errorMatching('CLOSED'));
    await sleep(60);
    expect(hold.signal.aborted).toBe(true);
  });

  it('runs work while held, and is released when it fails', async () => {
    using cache = openLockStore();
    const lock = new Lock(cache, 'k');
    await expect(lock.run(async () => lock.locked())).resolves.toBe(true);
    await expect(lock.run(() => Promise.reject(new Error('work')))).rejects.toThrow('work');
    expect(lock.locked()).toBe(false);
  });

  it('can not be acquired inside a transaction, which would block every release', async () => {
    using cache = openLockStore();
    const lock = new Lock(cache, 'k');
    const refused = errorMatching('BAD_OPTION', 'transaction');
    expect(catchError(() => cache.transact(() => lock.acquire()))).toEqual(refused);
    const inTurn = cache.transact(() => ({ promise: lock.acquireAsync() }));
    await expect(inTurn.promise).rejects.toEqual(refused);
    expect(cache.size).toBe(0);
    using hold = lock.acquire();
    cache.transact(() => expect(hold.held).toBe(true));
  });

  it('reports the timeout of the caller, even if it failed without waiting', async () => {
    using cache = openLockStore();
    const lock = new Lock(cache, 'k');
    using _hold = lock.acquire();
    const after50 = errorMatching('TIMEOUT', 'could not be acquired within 50 ms; held by');
    expect(catchError(() => lock.acquire({ timeout: 50 }))).toEqual(after50);
    await expect(lock.acquireAsync({ timeout: 50 })).rejects.toEqual(after50);
    expect(catchError(() => lock.acquire())).toEqual(errorMatching('TIMEOUT', 'could not be acquired; held by'));
  });

  it('refuses invalid arguments', async () => {
    using cache = openLockStore();
    for (const lease of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(catchError(() => new Lock(cache, 'k', { lease }))).toEqual(errorMatching('BAD_OPTION', 'lease'));
    }
    expect(catchError(() => new Lock(cache, 'k').acquire({ timeout: -1 }))).toEqual(
      errorMatching('BAD_OPTION', 'timeout'),
    );
    await expect(new Lock(cache, 'k').acquireAsync({ timeout: Number.NaN })).rejects.toEqual(
      errorMatching('BAD_OPTION'),
    );
    const misspelt = { timout: 5 } as object;
    expect(catchError(() => new Lock(cache, 'k', misspelt))).toEqual(errorMatching('BAD_OPTION', '"timout"'));
    expect(catchError(() => new Lock(cache, 'k').acquire(misspelt))).toEqual(errorMatching('BAD_OPTION', 'timeout'));
    await expect(new Lock(cache, 'k').acquireAsync(misspelt)).rejects.toEqual(errorMatching('BAD_OPTION'));
    cache.set('data', [1, 2, 3]);
    expect(catchError(() => new Lock(cache, 'data').acquire())).toEqual(errorMatching('BAD_VALUE', "'data'"));
    expect(cache.get('data')).toEqual([1, 2, 3]);
  });
});
