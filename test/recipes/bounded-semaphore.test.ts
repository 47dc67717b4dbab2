import { describe, expect, it } from 'vitest';
import { BoundedSemaphore } from '../../main/engine/recipes/bounded-semaphore.ts';
import { Lock } from '../../main/engine/recipes/lock.ts';
import { failure } from '../failure.ts';
import { later, openStore, thrownBy } from './opened.ts';

describe('BoundedSemaphore', () => {
  it('has as many places as its bound', () => {
    using cache = openStore();
    const semaphore = new BoundedSemaphore(cache, 'k', 2);
    semaphore.acquire();
    expect(semaphore.locked()).toBe(false);
    semaphore.acquire();
    expect(semaphore.locked()).toBe(true);
    expect(thrownBy(() => semaphore.acquire({ timeout: 0 }))).toEqual(failure('TIMEOUT', "'k'"));
    semaphore.release();
    semaphore.acquire({ timeout: 0 });
    semaphore.release();
    semaphore.release();
    expect(thrownBy(() => semaphore.release())).toEqual(failure('NOT_ALLOWED'));
  });

  it('is never over its bound, and is filled up to it, in order', async () => {
    using cache = openStore();
    let inside = 0;
    let most = 0;
    const order: number[] = [];
    await Promise.all(
      Array.from({ length: 12 }, async () => {
        using hold = await new BoundedSemaphore(cache, 'k', 3).acquireAsync();
        order.push(hold.ticket);
        most = Math.max(most, ++inside);
        await later(2);
        inside--;
      }),
    );
    expect(most).toBe(3);
    expect(order).toEqual(order.toSorted((a, b) => a - b));
  });

  it('refuses another bound while it is in use', () => {
    using cache = openStore();
    const two = new BoundedSemaphore(cache, 'k', 2);
    const three = new BoundedSemaphore(cache, 'k', 3);
    two.acquire();
    expect(thrownBy(() => three.acquire())).toEqual(failure('BAD_OPTION', 'bound of 2'));
    two.release();
    three.acquire();
    expect(thrownBy(() => two.acquire({ timeout: 0 }))).toEqual(failure('BAD_OPTION', 'bound of 3'));
    three.release();
  });

  it('refuses bounds that are none, and a row of another recipe', () => {
    using cache = openStore();
    for (const bound of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(thrownBy(() => new BoundedSemaphore(cache, 'k', bound))).toEqual(failure('BAD_OPTION', 'bound'));
    }
    new Lock(cache, 'k').acquire().release();
    expect(thrownBy(() => new BoundedSemaphore(cache, 'k').acquire())).toEqual(
      failure('BAD_VALUE', 'BoundedSemaphore'),
    );
  });
});
