import { describe, expect, it } from 'vitest';
import type { Key } from '../../main/engine/index.ts';
import { openFixture } from './store-fixture.ts';

/** A function that returns its arguments and how often it has run. */
function countCalls() {
  let runs = 0;
  const fn = (...args: Key[]) => ({ args, run: ++runs });
  return { fn, runs: () => runs };
}

describe('memoize', () => {
  it('distinguishes all different calls (DiskCache confused a positional None with a keyword)', () => {
    using opened = openFixture();
    const { fn, runs } = countCalls();
    const memoized = opened.cache.memoize(fn, { name: 'f' });
    const calls: Key[][] = [
      ...[[], [null], [null, null], ['x'], ['x', null, 'k'], ['x', { k: null }], ['x', 'k']],
      ...[[1], ['1'], [1n], [true], [[1]], [1, 2], [[1, 2]], [[1], 2], [{ 0: 1, 1: 2 }]],
    ];
    for (const [run, args] of calls.entries()) expect(memoized(...args)).toEqual({ args, run: run + 1 });
    for (const [run, args] of calls.entries()) expect(memoized(...args)).toEqual({ args, run: run + 1 });
    expect(runs()).toBe(calls.length);
  });

  it('treats named arguments in any order as the same call', () => {
    using opened = openFixture();
    const { fn, runs } = countCalls();
    const memoized = opened.cache.memoize(fn, { name: 'f' });
    memoized({ a: 1, b: { c: [2], d: 3 } });
    memoized({ b: { d: 3, c: [2] }, a: 1 });
    expect(runs()).toBe(1);
  });

  it('separates functions by name, and from keys of the application', () => {
    using opened = openFixture();
    const { cache } = opened;
    const [f, g, again] = [countCalls(), countCalls(), countCalls()];
    cache.set('f', 'mine');
    cache.set(['g'], 'mine, too');
    cache.memoize(f.fn, { name: 'f' })(1);
    cache.memoize(g.fn, { name: 'g' })(1);
    cache.memoize(again.fn, { name: 'f' })(1);
    expect([f.runs(), g.runs(), again.runs()]).toEqual([1, 1, 0]);
    expect([cache.get('f'), cache.get(['g'])]).toEqual(['mine', 'mine, too']);
  });

  it('ignores arguments that the key function leaves out', () => {
    using opened = openFixture();
    const { fn, runs } = countCalls();
    const memoized = opened.cache.memoize((id: Key, request: Key) => fn(id, request), { name: 'f', key: (id) => id });
    memoized(1, 'a request object');
    memoized(1, 'another one');
    memoized(2, 'a request object');
    expect(runs()).toBe(2);
  });

  it('stores null and undefined as results, but no errors', async () => {
    using opened = openFixture();
    const { cache } = opened;
    let runs = 0;
    const results = [null, undefined];
    const nothing = cache.memoize(
      (which: number) => {
        runs++;
        return results[which];
      },
      { name: 'nothing' },
    );
    for (const which of [0, 1, 0, 1]) expect(nothing(which)).toBe(results[which]);
    expect(runs).toBe(2);

    const failing = cache.memoize(
      () => {
        runs++;
        throw new RangeError('on purpose');
      },
      { name: 'failing' },
    );
    for (let n = 0; n < 2; n++) expect(failing).toThrow(RangeError);
    const rejecting = cache.memoize(async () => Promise.reject(new RangeError(`${runs++}`)), { name: 'rejecting' });
    for (let n = 0; n < 2; n++) await expect(rejecting()).rejects.toThrow(RangeError);
    expect(runs).toBe(6);
  });

  it('computes again after the ttl, and every time with ttl 0', () => {
    using opened = openFixture();
    const { cache, advance } = opened;
    const short = countCalls();
    const memoized = cache.memoize(short.fn, { name: 'short', ttl: 10 });
    expect([memoized().run, memoized().run]).toEqual([1, 1]);
    advance(10);
    expect(memoized().run).toBe(2);
    const never = cache.memoize(countCalls().fn, { name: 'never', ttl: 0 });
    expect([never().run, never().run]).toEqual([1, 2]);
  });
});

describe('early recomputation', () => {
  /** A memoized async function that takes long, by the clock of the store; it waits for `open`. */
  function slow(beta: number, ttl: number | undefined) {
    const opened = openFixture();
    let runs = 0;
    let fails = false;
    const memoized = opened.cache.memoize(
      async () => {
        const run = ++runs;
        await new Promise((resolve) => setTimeout(resolve, 20));
        if (fails) throw new Error('on purpose');
        return run;
      },
      { name: 'slow', stampede: { beta }, ...(ttl === undefined ? {} : { ttl }) },
    );
    const fail = (now: boolean) => {
      fails = now;
    };
    return { ...opened, memoized, runs: () => runs, fail };
  }
  const settled = () => new Promise((resolve) => setTimeout(resolve, 60));

  it('returns the old value at once while exactly one call computes the next', async () => {
    // So eager that a result is recomputed as soon as it is stored.
    using opened = slow(1e9, 1_000_000);
    const { memoized, runs } = opened;
    expect(await memoized()).toBe(1);
    expect(await Promise.all(Array.from({ length: 50 }, () => memoized()))).toEqual(Array(50).fill(1));
    expect(runs()).toBe(2);
    await settled();
    expect(await memoized()).toBe(2);
    await settled();
  });

  it('does not happen long before the expiry, nor for results that do not expire', async () => {
    using timely = slow(1, 1_000_000);
    using lasting = slow(1e9, undefined);
    for (const { memoized, runs } of [timely, lasting]) {
      for (let call = 0; call < 100; call++) expect(await memoized()).toBe(1);
      expect(runs()).toBe(1);
    }
  });

  it('that fails keeps the old value until it expires', async () => {
    using opened = slow(1e9, 1_000_000);
    const { memoized, fail, advance } = opened;
    expect(await memoized()).toBe(1);
    fail(true);
    for (let call = 0; call < 3; call++) {
      expect(await memoized()).toBe(1);
      await settled();
    }
    advance(1_000_000);
    await expect(memoized()).rejects.toThrow('on purpose');
    fail(false);
    expect(await memoized()).toBeGreaterThan(1);
    await settled();
  });
});
