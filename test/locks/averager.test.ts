import { describe, expect, it } from 'vitest';
import { Averager } from '../../main/engine/locks/recipes.ts';
import { errorMatching } from '../matchers.ts';
import { catchError, openLockStore } from './lock-fixture.ts';

describe('Averager', () => {
  it('returns the mean of what all processes added', () => {
    using cache = openLockStore();
    const [a, b] = [new Averager(cache, 'k'), new Averager(cache, 'k')];
    expect([a.get(), a.pop()]).toEqual([undefined, undefined]);
    a.add(1);
    b.add(2);
    a.add(6);
    expect([a.get(), b.get(), b.pop(), a.get()]).toEqual([3, 3, 3, undefined]);
    a.add(-4);
    expect(b.get()).toBe(-4);
  });

  it('keeps the precision of small numbers beside large ones', () => {
    using cache = openLockStore();
    const mean = new Averager(cache, 'k');
    for (const value of [1, 1e100, 1, -1e100]) mean.add(value);
    expect(mean.get()).toBe(0.5);
  });

  it('refuses non-numbers, and keeps its state', () => {
    using cache = openLockStore();
    const mean = new Averager(cache, 'k');
    mean.add(5);
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, '7' as unknown as number, 5n as unknown as number]) {
      expect(catchError(() => mean.add(value))).toEqual(errorMatching('BAD_VALUE'));
    }
    expect(mean.get()).toBe(5);
    cache.set('k', 'something else');
    expect(catchError(() => mean.get())).toEqual(errorMatching('BAD_VALUE', "'k'"));
  });
});
