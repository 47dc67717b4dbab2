import { describe, expect, it } from 'vitest';
import { BoundedSemaphore, Lock } from '../../main/engine/locks/locks.ts';
import { errorMatching } from '../matchers.ts';
import { catchError, openLockStore, sleep } from './lock-fixture.ts';

describe('BoundedSemaphore', () => {
  it('has as many places as its bound', () => {
    using cache = openLockStore();
    const semaphore = new BoundedSemaphore(cache, 'k', 2);
    semaphore.acquire();
    expect(semaphore.locked()).toBe(false);
    semaphore.acquire();
    expect(semaphore.locked()).toBe(true);
    expect(catchError(() => semaphore.acquire({ timeout: 0 }))).toEqual(errorMatching('TIMEOUT', "'k'"));
    semaphore.release();
    semaphore.acquire({ timeout: 0 });
    semaphore.release();
    semaphore.release();
    expect(catchError(() => semaphore.release())).toEqual(errorMatching('NOT_ALLOWED'));
  });

  it('never exceeds its bound, and fills its places in order', async () => {
    using cache = openLockStore();
    let inside = 0;
    let most = 0;
    const order: number[] = [];
    await Promise.all(
      Array.from({ length: 12 }, async () => {
        using hold = await new BoundedSemaphore(cache, 'k', 3).acquireAsync();
        order.push(hold.ticket);
        most = Math.max(most, ++inside);
        await sleep(2);
        inside--;
      }),
    );
    expect(most).toBe(3);
    expect(order).toEqual(order.toSorted((a, b) => a - b));
  });

  it('refuses another bound while it is in use', () => {
    using cache = openLockStore();
    const two = new BoundedSemaphore(cache, 'k', 2);
    const three = new BoundedSemaphore(cache, 'k', 3);
    two.acquire();
    expect(catchError(() => three.acquire())).toEqual(errorMatching('BAD_OPTION', 'bound 2'));
    two.release();
    three.acquire();
    expect(catchError(() => two.acquire({ timeout: 0 }))).toEqual(errorMatching('BAD_OPTION', 'bound 3'));
    three.release();
  });

  it('refuses invalid bounds and the row of another recipe', () => {
    using cache = openLockStore();
    for (const bound of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(catchError(() => new BoundedSemaphore(cache, 'k', bound))).toEqual(errorMatching('BAD_OPTION', 'bound'));
    }
    new Lock(cache, 'k').acquire().release();
    expect(catchError(() => new BoundedSemaphore(cache, 'k').acquire())).toEqual(
      errorMatching('BAD_VALUE', 'BoundedSemaphore'),
    );
  });
});
