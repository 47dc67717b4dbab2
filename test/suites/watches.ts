import { describe, expect, it, vi } from 'vitest';
import type { OpenAsyncStore } from './async-cache.ts';

/** Collects what an iteration yields, until it ends or fails. */
function collect<T>(states: AsyncIterable<T>) {
  const yielded: T[] = [];
  const ended = (async () => {
    for await (const state of states) yielded.push(state);
  })();
  // A failure before anything waits for it is that of `ended`.
  ended.catch(() => {});
  return { yielded, ended, until: (state: T) => vi.waitFor(() => expect(yielded.at(-1)).toEqual(state), 2000) };
}

const done = { done: true, value: undefined };

/** `watch` and `watchMany`. */
export function watchBehaviour(open: OpenAsyncStore): void {
  describe('watch', () => {
    it('yields the present value of a key, then each one after it', async () => {
      const { store, advance } = await open();
      await store.set('theme', 'light');
      const { yielded, until } = collect(store.watch('theme'));
      await until('light');
      await store.set('themeColor', 'red');
      await store.set('theme', 'dark', { ttl: 5 });
      await until('dark');
      advance(5);
      await until(undefined);
      await store.set('theme', { of: ['one', 'many'] });
      await until({ of: ['one', 'many'] });
      await store.clear();
      await until(undefined);
      expect(yielded).toEqual(['light', 'dark', undefined, { of: ['one', 'many'] }, undefined]);
      expect(Object.isFrozen(yielded[3])).toBe(true);
    });

    it('yields undefined first for a missing key, and only the last value to a slow reader', async () => {
      const { store } = await open();
      const states = store.watch(['k', { of: 1 }])[Symbol.asyncIterator]();
      expect(await states.next()).toEqual({ done: false, value: undefined });
      for (let n = 0; n <= 20; n++) await store.set(['k', { of: 1 }], n);
      await vi.waitFor(async () => expect((await states.next()).value).toBe(20));
      const waiting = states.next();
      await store.set(['k', { of: 1 }], 'last');
      expect(await waiting).toEqual({ done: false, value: 'last' });
      await states.return!();
    });

    it('ends by return, also while a next is waiting', async () => {
      const { store } = await open();
      const states = store.watch('k')[Symbol.asyncIterator]();
      await states.next();
      const waiting = [states.next(), states.next()];
      expect(await states.return!()).toEqual(done);
      expect(await Promise.all([...waiting, states.next()])).toEqual([done, done, done]);
    });

    it('ends by its signal', async () => {
      const { store } = await open();
      const control = new AbortController();
      const { yielded, ended } = collect(store.watch('k', { signal: control.signal }));
      await vi.waitFor(() => expect(yielded).toHaveLength(1));
      control.abort();
      await ended;
      expect(await store.watch('k', { signal: control.signal })[Symbol.asyncIterator]().next()).toEqual(done);
      expect(await store.watchMany({}, { signal: control.signal })[Symbol.asyncIterator]().next()).toEqual(done);
    });

    it('refuses an invalid key, and an unknown option', async () => {
      const { store } = await open();
      const next = async (start: () => AsyncIterable<unknown>) => start()[Symbol.asyncIterator]().next();
      await expect(next(() => store.watch((() => 1) as never))).rejects.toMatchObject({ code: 'BAD_KEY' });
      await expect(next(() => store.watch('k', { signl: 1 } as never))).rejects.toMatchObject({ code: 'BAD_OPTION' });
      await expect(next(() => store.watch('k', { signal: 'soon' } as never))).rejects.toMatchObject({
        code: 'BAD_OPTION',
      });
      await expect(next(() => store.watchMany({ form: 1 } as never))).rejects.toMatchObject({ code: 'BAD_OPTION' });
      await expect(next(() => store.watchMany({ prefix: 7 }))).rejects.toMatchObject({ code: 'BAD_OPTION' });
    });
  });

  describe('watchMany', () => {
    it('yields the entries of a range in stored order, the same objects where nothing changed', async () => {
      const { store } = await open();
      await store.setMany([
        ['b', 1],
        ['a', { x: 1 }],
        ['other', 1],
      ]);
      const range = { from: 'a', to: 'c' };
      const [forth, back] = [collect(store.watchMany(range)), collect(store.watchMany({ ...range, reverse: true }))];
      await forth.until([
        ['b', 1],
        ['a', { x: 1 }],
      ]);
      await back.until([
        ['a', { x: 1 }],
        ['b', 1],
      ]);
      await store.set('other', 2);
      await store.set('b', 2);
      await store.set('bb', 3);
      await forth.until([
        ['b', 2],
        ['a', { x: 1 }],
        ['bb', 3],
      ]);
      expect((forth.yielded.at(-1) as unknown[])[1]).toBe((forth.yielded[0] as unknown[])[1]);
      await store.delete('b');
      await store.set('b', 4);
      const last: [string, unknown][] = [
        ['a', { x: 1 }],
        ['bb', 3],
        ['b', 4],
      ];
      await forth.until(last);
      await back.until(last.toReversed());
      await store.clear();
      await Promise.all([forth.until([]), back.until([])]);
    });

    it.each([
      ['by key', { order: 'key' }],
      ['with a tag', { tag: 't' }],
      ['with a limit', { limit: 2 }],
    ] as const)('yields entries %s', async (_, range) => {
      const { store } = await open();
      const { until } = collect(store.watchMany(range));
      const collected = async () => {
        const entries: unknown[] = [];
        for await (const entry of store.entries(range)) entries.push(entry);
        return entries;
      };
      for (const key of ['c', 'a', 'b']) {
        await store.set(key, 1, { tag: key === 'a' ? 't' : 'u' });
        await until((await collected()) as never);
      }
      await store.delete('a');
      await until((await collected()) as never);
    });
  });
}
