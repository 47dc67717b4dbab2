import { describe, expect, it } from 'vitest';
import { Averager } from '../../main/engine/recipes/averager.ts';
import { failure } from '../failure.ts';
import { openStore, thrownBy } from './opened.ts';

describe('Averager', () => {
  it('answers the mean of what was added, by whoever', () => {
    using cache = openStore();
    const [a, b] = [new Averager(cache, 'k'), new Averager(cache, 'k')];
    expect([a.get(), a.pop()]).toEqual([undefined, undefined]);
    a.add(1);
    b.add(2);
    a.add(6);
    expect([a.get(), b.get(), b.pop(), a.get()]).toEqual([3, 3, 3, undefined]);
    a.add(-4);
    expect(b.get()).toBe(-4);
  });

  it('loses no small numbers beside large ones', () => {
    using cache = openStore();
    const mean = new Averager(cache, 'k');
    for (const value of [1, 1e100, 1, -1e100]) mean.add(value);
    expect(mean.get()).toBe(0.5);
  });

  it('refuses what is no number, and keeps what it has', () => {
    using cache = openStore();
    const mean = new Averager(cache, 'k');
    mean.add(5);
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, '7' as unknown as number, 5n as unknown as number]) {
      expect(thrownBy(() => mean.add(value))).toEqual(failure('BAD_VALUE'));
    }
    expect(mean.get()).toBe(5);
    cache.set('k', 'something else');
    expect(thrownBy(() => mean.get())).toEqual(failure('BAD_VALUE', "'k'"));
  });
});
