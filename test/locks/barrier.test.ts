import { describe, expect, it } from 'vitest';
import { barrier } from '../../main/engine/locks/decorators.ts';
import { BoundedSemaphore, Lock, RLock } from '../../main/engine/locks/locks.ts';
import { errorMatching } from '../matchers.ts';
import { catchError, openLockStore, sleep } from './lock-fixture.ts';

describe('barrier', () => {
  it('runs an async function once at a time', async () => {
    using cache = openLockStore();
    let inside = 0;
    const work = barrier(cache, Lock, { name: 'k' })(async (n: number) => {
      inside++;
      await sleep(2);
      expect(inside--).toBe(1);
      return n;
    });
    expect(await Promise.all([1, 2, 3, 4].map(work))).toEqual([1, 2, 3, 4]);
    expect(new Lock(cache, 'k').locked()).toBe(false);
  });

  it('holds the lock while a synchronous function runs, and releases it when it throws', () => {
    using cache = openLockStore();
    const lock = new Lock(cache, 'k');
    const work = barrier(cache, Lock, { name: 'k' })((fail: boolean) => {
      if (fail) throw new RangeError('work');
      return lock.locked();
    });
    expect(work(false)).toBe(true);
    expect(() => work(true)).toThrow(RangeError);
    expect(lock.locked()).toBe(false);
  });

  it('takes a factory for a lock with options, and its own timeout', () => {
    using cache = openLockStore();
    const two = (store: typeof cache, key: Parameters<typeof cache.get>[0]) => new BoundedSemaphore(store, key, 2);
    const work = barrier(cache, two, { name: 'k', timeout: 0 })(() => new BoundedSemaphore(cache, 'k', 2).locked());
    expect(work()).toBe(false);
    const semaphore = new BoundedSemaphore(cache, 'k', 2);
    semaphore.acquire();
    expect(work()).toBe(true);
    semaphore.acquire();
    expect(catchError(work)).toEqual(errorMatching('TIMEOUT', "'k'"));
    semaphore.release();
    semaphore.release();
  });

  it('lets a function call itself with an RLock', async () => {
    using cache = openLockStore();
    const sync = barrier(cache, RLock, { name: 'sync' })((n: number): number => (n === 0 ? 0 : n + sync(n - 1)));
    expect(sync(3)).toBe(6);
    const inTurn = barrier(cache, RLock, { name: 'async' })(async (n: number): Promise<number> => {
      await sleep(1);
      return n === 0 ? 0 : n + (await inTurn(n - 1));
    });
    expect(await Promise.all([inTurn(3), inTurn(2)])).toEqual([6, 3]);
  });

  it('keeps this and the name, which is its key', () => {
    using cache = openLockStore();
    const work = barrier(
      cache,
      Lock,
    )(function whoAmI(this: string) {
      return this;
    });
    expect(work.name).toBe('whoAmI');
    expect(String(work.call('me'))).toBe('me');
    expect(cache.has(['barrier', 'whoAmI'])).toBe(true);
    expect(catchError(() => barrier(cache, undefined as never))).toEqual(errorMatching('BAD_OPTION'));
    expect(catchError(() => barrier(cache, Lock)(() => 1))).toEqual(errorMatching('BAD_OPTION', 'name'));
  });
});
