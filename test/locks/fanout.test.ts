import { describe, expect, it } from 'vitest';
import { Averager, FanoutCache, Lock, throttle } from '../../main/engine/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { errorMatching } from '../matchers.ts';
import { catchError } from './lock-fixture.ts';

describe('recipes on a FanoutCache', () => {
  it('work as on a Cache', async () => {
    using cache = new FanoutCache(freshDirectory(), { shards: 2, evictionPolicy: 'none' });
    const locks = ['a', 'b', 'c', 'd'].map((key) => new Lock(cache, key));
    const holds = locks.map((lock) => lock.acquire());
    const waiting = Promise.all(locks.map((lock) => lock.acquireAsync()));
    expect(catchError(() => locks[0]!.acquire({ timeout: 0 }))).toEqual(errorMatching('TIMEOUT', "'a'"));
    expect(catchError(() => cache.transact(() => locks[0]!.acquire()))).toEqual(
      errorMatching('BAD_OPTION', 'transaction'),
    );
    for (const hold of holds) hold.release();
    for (const hold of await waiting) hold.release();
    expect(locks.some((lock) => lock.locked())).toBe(false);

    const mean = new Averager(cache, 'mean');
    mean.add(1);
    mean.add(2);
    expect(mean.get()).toBe(1.5);
    const call = throttle(cache, 1, 1000, { name: 'calls', timeout: 0, clock: () => 0 })(() => 'done');
    expect(call()).toBe('done');
    expect(catchError(call)).toEqual(errorMatching('TIMEOUT', "'calls'"));
  });
});
