import { describe, expect, it, vi } from 'vitest';
import { testHost } from '../../main/testing/index.ts';
import type { Key } from '../../protocol/key.ts';
import type { Range } from '../../protocol/options.ts';
import { cache, defineStores, index } from '../../protocol/stores.ts';
import { observeEntries } from '../../renderer-api/bindings/index.ts';
import { errorMatching } from '../matchers.ts';
import { openView } from './observe.ts';

const stores = defineStores({ api: cache<Key, number>(), notes: index<string, { text: string }>() });

/** Reproducible pseudo-random numbers below 1 (mulberry32). */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const KEYS: readonly Key[] = [
  ...Array.from({ length: 12 }, (_, n) => `k${n}`),
  ...Array.from({ length: 6 }, (_, n) => n * 3 - 4),
  ...Array.from({ length: 8 }, (_, n) => ['list', n % 3, `n${n}`]),
  ['list'],
  '\u{1f600}',
  '\uffff',
  true,
  null,
  5n,
];

const RANGES: readonly Range<Key>[] = [
  {},
  { reverse: true },
  { limit: 4 },
  { limit: 4, reverse: true },
  { order: 'key' },
  { order: 'key', reverse: true },
  { order: 'key', limit: 5 },
  { order: 'key', reverse: true, limit: 5 },
  { prefix: ['list'] },
  { prefix: ['list'], order: 'key' },
  { prefix: 'k', order: 'key', reverse: true },
  { from: 'k1', to: 'k5' },
  { from: 'k1', to: 'k5', order: 'key', limit: 2 },
  { prefix: 'k', from: 'k3' },
  { tag: 'even' },
];

describe('the observer of a range', () => {
  it.each(RANGES.map((range) => [JSON.stringify(range), range] as const))(
    'shows what a read of %s returns, after any changes',
    async (_, range) => {
      using t = await testHost({ stores });
      const { api } = t.page().as<typeof stores>();
      const random = createRandom(JSON.stringify(range).length);
      const pick = () => KEYS[Math.floor(random() * KEYS.length)]!;
      const change = (n: number) => {
        if (random() < 0.35) t.host.stores.api.delete(pick());
        else t.host.stores.api.set(pick(), n, n % 2 === 0 ? { tag: 'even' } : {});
      };
      for (let n = 0; n < 20; n++) change(n);
      const view = openView(observeEntries(api, range));
      for (let round = 0; round < 12; round++) {
        for (let n = 0; n < 1 + random() * 20; n++) change(n);
        if (round === 7) t.host.stores.api.clear();
        if (random() < 0.7) await view.shows([...t.host.stores.api.entries(range)]);
      }
      await view.shows([...t.host.stores.api.entries(range)]);
      expect(view.now.error).toBeUndefined();
    },
  );

  it('reads the range once, and keeps the rows that have not changed', async () => {
    using t = await testHost({ stores });
    t.host.stores.notes.transact(() => {
      for (let n = 0; n < 2000; n++) t.host.stores.notes.set(`note ${n}`, { text: `${n}` });
    });
    const { notes } = t.page().as<typeof stores>();
    const entries = vi.spyOn(notes, 'entries');
    const view = openView(observeEntries(notes));
    await expect.poll(() => view.value.length).toBe(2000);
    const before = view.value;
    for (let n = 0; n < 100; n++) t.host.stores.notes.set(`note ${n * 7}`, { text: 'changed' });
    t.host.stores.notes.set('another', { text: 'new' });
    await expect.poll(() => view.value.at(-1)).toEqual(['another', { text: 'new' }]);
    const same = view.value.filter((row, at) => row === before[at]);
    expect(same.length).toBe(1900);
    expect(entries).toHaveBeenCalledTimes(1);
  });

  it('is empty while it is loading, and the same for equal ranges', async () => {
    using t = await testHost({ stores });
    const { api } = t.page().as<typeof stores>();
    const view = openView(observeEntries(api, { prefix: ['user', 42] }));
    expect(view.now).toEqual({ value: [], error: undefined, isLoading: true });
    expect(observeEntries(api, { prefix: ['user', 42] })).toBe(observeEntries(api, { prefix: ['user', 42] }));
    await expect.poll(() => view.now.isLoading).toBe(false);
    expect(view.value).toEqual([]);
  });

  it('has the error of a wrong range, and of a page without a grant', async () => {
    using t = await testHost({ stores });
    const wrong = observeEntries(t.page().as<typeof stores>().api, { limit: -1 });
    await wrong.getSettled();
    expect(wrong.getSnapshot().error).toEqual(errorMatching('BAD_OPTION', /limit/));
    const unsendable = observeEntries(t.page().as<typeof stores>().api, { prefix: (() => 1) as never });
    await unsendable.getSettled();
    expect(unsendable.getSnapshot().error).toEqual(errorMatching('BAD_KEY', /function/));
    const denied = observeEntries(t.page({ stores: { notes: 'read' } }).cache('api'));
    await denied.getSettled();
    expect(denied.getSnapshot().error).toEqual(errorMatching('NOT_ALLOWED', /api/));
  });

  it('drops what has expired', async () => {
    using t = await testHost({ stores });
    t.host.stores.api.set('short', 1, { ttl: 60_000 });
    t.host.stores.api.set('long', 2);
    const view = openView(observeEntries(t.page().as<typeof stores>().api));
    await view.shows([
      ['short', 1],
      ['long', 2],
    ]);
    t.clock.advance(61_000);
    await view.shows([['long', 2]]);
    t.host.stores.api.set('short', 3);
    await view.shows([...t.host.stores.api.entries()]);
  });
});
