import { describe, expect, it } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import { throttle } from '../../main/engine/locks/decorators.ts';
import { createManualClock } from '../engine/engine-fixture.ts';
import { errorMatching } from '../matchers.ts';
import { catchError, openLockStore } from './lock-fixture.ts';

describe('throttle', () => {
  it('passes a burst, then calls at the rate, by the clock', () => {
    using cache = openLockStore();
    const { clock, advance } = createManualClock();
    const call = throttle(cache, 4, 1000, { name: 'k', clock, timeout: 0 })((n: number) => n * 2);
    const refused = () =>
      expect(catchError(() => call(1))).toEqual(errorMatching('TIMEOUT', 'the rate is 4 per 1000 ms'));
    expect([1, 2, 3, 4].map(call)).toEqual([2, 4, 6, 8]);
    refused();
    advance(249);
    refused();
    advance(1);
    expect(call(5)).toBe(10);
    refused();
    advance(10_000);
    expect([1, 2, 3, 4].map(call)).toHaveLength(4);
    refused();
  });

  it('is not reset by decorating or reopening', () => {
    const { clock, advance } = createManualClock();
    const options = { name: 'k', clock, timeout: 0 };
    const first = openLockStore({ ttl: 1 });
    throttle(first, 2, 1000, options)(() => 1)();
    throttle(first, 2, 1000, options)(() => 1)();
    first.close();
    using second = new Cache(first.directory);
    const call = throttle(second, 2, 1000, options)(() => 1);
    expect(catchError(call)).toEqual(errorMatching('TIMEOUT'));
    advance(500);
    expect(call()).toBe(1);
  });

  it('waits blocking for sync functions, and without blocking for async ones', async () => {
    using cache = openLockStore();
    const begun: number[] = [];
    const sync = throttle(cache, 1, 40, { name: 'sync' })(() => begun.push(performance.now()));
    sync();
    sync();
    expect(begun[1]! - begun[0]!).toBeGreaterThan(35);

    const order: number[] = [];
    const inTurn = throttle(cache, 1, 20, { name: 'async' })(async (n: number) => order.push(n));
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    const before = performance.now();
    await Promise.all([1, 2, 3, 4].map(inTurn));
    clearInterval(timer);
    expect(performance.now() - before).toBeGreaterThan(55);
    expect(order).toEqual([1, 2, 3, 4]);
    expect(ticks).toBeGreaterThan(2);
  });

  it('does not wait until a clock that was set back has caught up', () => {
    using cache = openLockStore();
    const { clock, advance } = createManualClock();
    const call = throttle(cache, 1, 1000, { name: 'k', clock, timeout: 0 })(() => 'done');
    call();
    advance(-3_600_000);
    expect(catchError(call)).toEqual(errorMatching('TIMEOUT', 'the next 1000 ms'));
    advance(999);
    expect(catchError(call)).toEqual(errorMatching('TIMEOUT', 'the next 1 ms'));
    advance(1);
    expect(call()).toBe('done');
  });

  it('works without its row, keeps this, arguments and name, and takes a token for a call that fails', () => {
    using cache = openLockStore();
    const options = { clock: () => 0, timeout: 0 };
    function greet(this: { name: string }, word: string): string {
      if (word === '') throw new RangeError('no word');
      return `${word} ${this.name}`;
    }
    const polite = throttle(cache, 2, 1000, options)(greet);
    expect(polite.name).toBe('greet');
    expect(polite.call({ name: 'Ada' }, 'hello')).toBe('hello Ada');
    expect(() => polite.call({ name: 'Ada' }, '')).toThrow(RangeError);
    expect(catchError(() => polite.call({ name: 'Ada' }, 'hello'))).toEqual(errorMatching('TIMEOUT'));
    expect(cache.delete(['throttle', 'greet'])).toBe(true);
    expect(polite.call({ name: 'Ada' }, 'hello')).toBe('hello Ada');
  });

  it('refuses invalid arguments', () => {
    using cache = openLockStore();
    for (const [count, ms] of [
      [0, 1],
      [0.5, 1],
      [1, 0],
      [1, Number.NaN],
      [Number.POSITIVE_INFINITY, 1],
    ] as const) {
      expect(catchError(() => throttle(cache, count, ms))).toEqual(errorMatching('BAD_OPTION'));
    }
    expect(catchError(() => throttle(cache, 1, 1, 'name' as never))).toEqual(
      errorMatching('BAD_OPTION', 'options must be an object'),
    );
    expect(catchError(() => throttle(cache, 1, 1)(() => 1))).toEqual(errorMatching('BAD_OPTION', 'name'));
    expect(catchError(() => throttle(cache, 1, 1, { timeout: -1 }))).toEqual(errorMatching('BAD_OPTION', 'timeout'));
  });
});
