// @vitest-environment jsdom
import { createElement, useState } from 'react';
import { describe, expect, expectTypeOf, it, vi } from 'vitest';
import { testHost } from '../../main/testing/index.ts';
import type { Key } from '../../protocol/key.ts';
import { cache, defineStores, index } from '../../protocol/stores.ts';
import { useEntry } from '../../renderer-api/react/index.ts';
import { errorMatching } from '../matchers.ts';
import { render } from './render.ts';

interface User {
  name: string;
}

const stores = defineStores({ api: cache<Key, User>(), counters: index<string, number>() });
const open = async () => {
  const t = await testHost({ stores });
  return { t, page: t.page().as<typeof stores>(), main: t.host.stores, [Symbol.dispose]: () => t[Symbol.dispose]() };
};

describe('useEntry', () => {
  it('shows the value by name and as a pair, and follows it', async () => {
    using app = await open();
    app.main.counters.set('n', 1);
    using view = render(() => {
      const result = useEntry(app.page.counters, 'n');
      const [value] = result;
      expectTypeOf(value).toEqualTypeOf<number | undefined>();
      expect(result.value).toBe(value);
      return result.isLoading ? 'loading' : `n is ${value}`;
    });
    await view.shows('n is 1');
    app.main.counters.set('n', 2);
    await view.shows('n is 2');
    app.main.counters.delete('n');
    await view.shows('n is undefined');
    expect(view.shown).toEqual(['loading', 'n is 1', 'n is 2', 'n is undefined']);
  });

  it('sets and deletes what is stored, with stable functions', async () => {
    using app = await open();
    const functions = new Set<unknown>();
    using view = render(() => {
      const { value, set, delete: remove, isLoading } = useEntry(app.page.counters, 'n');
      functions.add(set).add(remove);
      return [
        createElement('b', { key: 1, onClick: () => void set((shown = 0) => shown + 1) }, isLoading ? '…' : `${value}`),
        createElement('i', { key: 2, onClick: () => void remove() }),
      ];
    });
    await view.shows('undefined');
    view.click('b');
    await view.shows('1');
    view.click('b');
    view.click('b');
    await view.shows('3');
    await expect.poll(() => app.main.counters.get('n')).toBe(3);
    view.click('i');
    await view.shows('undefined');
    await expect.poll(() => app.main.counters.has('n')).toBe(false);
    // StrictMode makes the first ones twice.
    expect(functions.size).toBeLessThanOrEqual(4);
  });

  it('takes a write back that is refused, and the caller gets the reason', async () => {
    using app = await open();
    app.main.counters.set('n', 1);
    let refused: unknown;
    using view = render(() => {
      const [value, set] = useEntry(app.page.counters, 'n');
      const onClick = () =>
        void set(99).catch((error: unknown) => {
          refused = error;
        });
      return createElement('b', { onClick }, String(value));
    });
    await view.shows('1');
    app.t.fail('DISK_FULL', { store: 'counters' });
    view.click('b');
    await view.shows('99');
    await view.shows('1');
    expect(refused).toEqual(errorMatching('DISK_FULL', /./));
    expect(view.shown.slice(-2)).toEqual(['99', '1']);
  });

  it('shows another key at once when the key changes, and never a value of the one before', async () => {
    using app = await open();
    app.main.api.set(['user', 1], { name: 'Ada' });
    app.main.api.set(['user', 2], { name: 'Grace' });
    const rendered: string[] = [];
    using view = render(() => {
      const [id, setId] = useState(1);
      const { value, isLoading } = useEntry(app.page.api, ['user', id]);
      rendered.push(`${id} ${value?.name}`);
      return createElement('b', { onClick: () => setId(2) }, isLoading ? 'loading' : value?.name);
    });
    await view.shows('Ada');
    view.click('b');
    await view.shows('Grace');
    expect(new Set(rendered)).toEqual(new Set(['1 undefined', '1 Ada', '2 undefined', '2 Grace']));
  });

  it('reads once for an array written in place, in StrictMode and in several components', async () => {
    using app = await open();
    app.main.api.set(['user', 1], { name: 'Ada' });
    const get = vi.spyOn(app.page.api, 'get');
    const Name = () => useEntry(app.page.api, ['user', 1]).value?.name;
    using view = render(() => [1, 2, 3].map((key) => createElement(Name, { key })));
    await view.shows('AdaAdaAda');
    expect(get).toHaveBeenCalledTimes(1);
  });

  it('with suspense: shows the fallback, then the value, which may be missing', async () => {
    using app = await open();
    app.main.counters.set('n', 1);
    using view = render(() => {
      const { value, isLoading, error } = useEntry(app.page.counters, 'n', { suspense: true });
      expect([isLoading, error]).toEqual([false, undefined]);
      return `n is ${value}`;
    });
    await view.shows('n is 1');
    expect(view.shown).toEqual(['waiting', 'n is 1']);
    app.main.counters.delete('n');
    await view.shows('n is undefined');
  });

  it('with suspense: an error reaches the boundary, and its reset reads again', async () => {
    using app = await open();
    app.main.counters.set('n', 1);
    await app.page.counters.get('n');
    const end = app.t.fail('CORRUPT', { store: 'counters', method: 'get', times: Infinity });
    using view = render(() => `n is ${useEntry(app.page.counters, 'n', { suspense: true }).value}`);
    await view.shows('error CORRUPT');
    end();
    await expect
      .poll(() => {
        document.querySelector('button')?.click();
        return view.text;
      })
      .toBe('n is 1');
  });

  it('without suspense: has the error, and retry reads again', async () => {
    using app = await open();
    app.main.counters.set('n', 1);
    await app.page.counters.get('n');
    const end = app.t.fail('CORRUPT', { store: 'counters', method: 'get', times: Infinity });
    using view = render(() => {
      const { value, error, retry } = useEntry(app.page.counters, 'n');
      return createElement('b', { onClick: retry }, `${value} ${(error as { code?: string } | undefined)?.code}`);
    });
    await view.shows('undefined CORRUPT');
    end();
    view.click('b');
    await view.shows('1 undefined');
  });

  it('refuses keys and values of other types', () => {
    const refused = (page: Awaited<ReturnType<typeof open>>['page']) => {
      // @ts-expect-error: its keys are strings
      useEntry(page.counters, 5);
      const [, set] = useEntry(page.counters, 'n');
      // @ts-expect-error: its values are numbers
      void set('five');
      // @ts-expect-error: there is no such store
      useEntry(page.nowhere, 'n');
    };
    expect(refused).toBeTypeOf('function');
  });
});
