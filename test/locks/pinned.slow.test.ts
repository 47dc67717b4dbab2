import { describe, expect, it } from 'vitest';
import { Averager, Cache, type CacheMethods, FanoutCache, Lock, throttle } from '../../main/engine/index.ts';
import { EVICTION_POLICY_NAMES } from '../../protocol/options.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { errorMatching } from '../matchers.ts';
import { catchError } from './lock-fixture.ts';

const MiB = 1024 * 1024;

const STORES: Readonly<Record<string, typeof Cache | typeof FanoutCache>> = { Cache, FanoutCache };
const evicting = EVICTION_POLICY_NAMES.filter((name) => name !== 'none');

/** Stores more than the size limit allows. */
function fillPastLimit(cache: CacheMethods, round: string): void {
  for (let n = 0; n < 50; n++) cache.set(`${round} ${n}`, 'x'.repeat(50_000));
}

describe.each(Object.entries(STORES))('recipes in a %s that is full', (_name, Store) => {
  it.each(evicting)('keep their state under %s', (evictionPolicy) => {
    using cache = new Store(freshDirectory(), { evictionPolicy, sizeLimit: 2 * MiB }) as CacheMethods & Disposable;
    cache.set('first', 1);
    const mean = new Averager(cache, 'mean');
    mean.add(1);
    const call = throttle(cache, 1, 1000, { name: 'calls', timeout: 0, clock: () => 0 })(() => 'done');
    call();
    const lock = new Lock(cache, 'lock');
    const hold = lock.acquire();
    for (const round of ['one', 'two']) {
      fillPastLimit(cache, round);
      expect(cache.has('first')).toBe(false);
      expect(catchError(() => new Lock(cache, 'lock').acquire({ timeout: 0 }))).toEqual(
        errorMatching('TIMEOUT', "'lock'"),
      );
      expect(catchError(call)).toEqual(errorMatching('TIMEOUT', "'calls'"));
      hold.renew();
    }
    expect(mean.get()).toBe(1);
    hold.release();
    expect([cache.getEntry('lock')?.tag, cache.getEntry('mean')?.expiresAt]).toEqual([undefined, undefined]);
    expect(cache.clear()).toBeGreaterThan(2);
    expect(lock.locked()).toBe(false);
  });
});

it('an item set by the application under a recipe’s key is evicted like any other', () => {
  using cache = new Cache(freshDirectory(), { sizeLimit: 2 * MiB });
  new Averager(cache, 'mean').add(1);
  cache.set('mean', 1);
  fillPastLimit(cache, 'one');
  expect(cache.has('mean')).toBe(false);
});
