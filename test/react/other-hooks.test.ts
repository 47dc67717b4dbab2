// @vitest-environment jsdom
import { createElement, type FunctionComponent, memo } from 'react';
import { renderToString } from 'react-dom/server';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { testHost } from '../../main/testing/index.ts';
import { cache, defineStores, deque, index, settings } from '../../protocol/stores.ts';
import {
  type EntryRow,
  useConnection,
  useDeque,
  useEntries,
  useEntry,
  useJobs,
  useSetting,
} from '../../renderer-api/react/index.ts';
import { errorMatching } from '../matchers.ts';
import { render } from './render.ts';

interface AppSettings {
  theme: 'light' | 'dark';
  editor: { fontSize: number };
}

const stores = defineStores({
  api: cache(),
  notes: index<string, { text: string }>(),
  outbox: deque<string>(),
  app: settings<AppSettings>({ defaults: { theme: 'light', editor: { fontSize: 13 } } }),
});
const open = async (options: { readonly fetch?: () => Promise<Response> } = {}) => {
  const t = await testHost({ stores, ...(options.fetch && { offline: { fetch: options.fetch } }) });
  const diskCache = t.page();
  const page = diskCache.as<typeof stores>();
  return { t, diskCache, page, main: t.host.stores, [Symbol.dispose]: () => t[Symbol.dispose]() };
};

describe('useSetting', () => {
  it('suspends until the settings are there, and follows them', async () => {
    using app = await open();
    using view = render(() => {
      const [theme] = useSetting(app.page.app, 'theme');
      expectTypeOf(theme).toEqualTypeOf<'light' | 'dark'>();
      const { value: size } = useSetting(app.page.app, 'editor.fontSize');
      expectTypeOf(size).toEqualTypeOf<number>();
      return `${theme} ${size}`;
    });
    await view.shows('light 13');
    expect(view.shown).toEqual(['waiting', 'light 13']);
    app.main.app.set({ theme: 'dark', 'editor.fontSize': 20 });
    await view.shows('dark 20');
  });

  it('is there in the first render once the settings are loaded', async () => {
    using app = await open();
    app.main.app.set('theme', 'dark');
    await app.page.app.load();
    using view = render(() => useSetting(app.page.app, 'theme').value);
    await view.shows('dark');
    expect(view.shown).toEqual(['dark']);
  });

  it('sets, resets and takes back what is refused', async () => {
    using app = await open();
    await app.page.app.load();
    let refused: unknown;
    using view = render(() => {
      const { value: theme, set, reset } = useSetting(app.page.app, 'theme');
      const toggle = () =>
        void set((shown) => (shown === 'light' ? 'dark' : 'light')).catch((error: unknown) => {
          refused = error;
        });
      return [
        createElement('b', { key: 1, onClick: toggle }, theme),
        createElement('i', { key: 2, onClick: () => void reset() }),
      ];
    });
    await view.shows('light');
    view.click('b');
    await view.shows('dark');
    await expect.poll(() => app.main.app.get('theme')).toBe('dark');
    view.click('i');
    await view.shows('light');
    app.t.fail('DISK_FULL', { store: 'app', method: 'set' });
    view.click('b');
    await expect.poll(() => refused).toEqual(errorMatching('DISK_FULL', /./));
    await view.shows('light');
    expect(view.shown).toEqual(['light', 'dark', 'light', 'dark', 'light']);
  });

  it('refuses other paths and values, and has the type of what it may show', () => {
    const refused = (page: Awaited<ReturnType<typeof open>>['page']) => {
      // @ts-expect-error: there is no such setting
      useSetting(page.app, 'colour');
      // @ts-expect-error: there is no such setting
      useSetting(page.app, 'editor.size');
      // @ts-expect-error: 42 is no theme
      void useSetting(page.app, 'theme').set(42);
      expectTypeOf(useSetting(page.app, 'theme', { suspense: false }).value).toEqualTypeOf<
        'light' | 'dark' | undefined
      >();
      expectTypeOf(useSetting(page.app, ['editor', 'fontSize']).value).toEqualTypeOf<unknown>();
    };
    expect(refused).toBeTypeOf('function');
  });

  it('without suspense: is undefined while the settings are read', async () => {
    using app = await open();
    using view = render(() => String(useSetting(app.page.app, 'theme', { suspense: false }).value));
    await view.shows('light');
    expect(view.shown).toEqual(['undefined', 'light']);
  });
});

describe('useEntries', () => {
  it('shows the entries of a range, and renders only the rows that have changed', async () => {
    using app = await open();
    for (const name of ['a', 'b', 'c']) app.main.notes.set(`note ${name}`, { text: name });
    app.main.notes.set('other', { text: 'not a note' });
    const renders: string[] = [];
    const Row = memo(({ row: [, { text }] }: { readonly row: EntryRow<string, { text: string }> }) => {
      renders.push(text);
      return text;
    });
    using view = render(() => {
      const { entries, isLoading } = useEntries(app.page.notes, { prefix: 'note ' });
      return isLoading ? 'loading' : entries.map((row) => createElement(Row, { key: row[0], row }));
    });
    await view.shows('abc');
    renders.length = 0;
    app.main.notes.set('note b', { text: 'B' });
    await view.shows('aBc');
    app.main.notes.delete('note a');
    app.main.notes.set('note d', { text: 'd' });
    await view.shows('Bcd');
    expect(new Set(renders)).toEqual(new Set(['B', 'd']));
  });

  it('takes another range at any time', async () => {
    using app = await open();
    for (let n = 0; n < 5; n++) app.main.notes.set(`${n}`, { text: `${n}` });
    const list = (limit: number): FunctionComponent => {
      return () => useEntries(app.page.notes, { reverse: true, limit }).entries.map(([key]) => key);
    };
    using view = render(list(2));
    await view.shows('43');
    view.rerender(list(3));
    await view.shows('432');
  });
});

describe('useDeque, useJobs and useConnection', () => {
  it('show a deque', async () => {
    using app = await open();
    using view = render(() => useDeque(app.page.outbox).values.join(' '));
    app.main.outbox.push('a', 'b');
    await view.shows('a b');
    await app.page.outbox.shift();
    await view.shows('b');
  });

  it('show jobs, how many there are, and whether the queue is paused', async () => {
    using app = await open();
    app.t.host.queue('letters');
    const letters = app.diskCache.queue<string>('letters');
    using view = render(() => {
      const { jobs, counts, isPaused } = useJobs(letters, { states: ['ready'] });
      return `${jobs.map(({ payload }) => payload)} ${counts.ready} ${isPaused}`;
    });
    await letters.enqueue('hello');
    await view.shows('hello 1 false');
    await letters.pause();
    await view.shows('hello 1 true');
  });

  it('show the network state, and in a page without it what the browser says', async () => {
    using app = await open({ fetch: async () => new Response('') });
    using view = render(() => String(useConnection(app.diskCache).online));
    await view.shows('true');
    app.t.network.offline();
    await view.shows('false');
    const denied = app.t.page({ stores: { api: 'read' } });
    using other = render(() => String(useConnection(denied).online));
    await other.shows('true');
  });
});

describe('on a server', () => {
  it('nothing is read, and no hook throws', async () => {
    using app = await open();
    const { window } = globalThis;
    Reflect.deleteProperty(globalThis, 'window');
    try {
      const App = () => {
        const { isLoading } = useEntry(app.page.notes, 'k', { suspense: true });
        const { entries } = useEntries(app.page.notes);
        return `${isLoading} ${entries.length} ${String(useSetting(app.page.app, 'theme').value)}`;
      };
      expect(renderToString(createElement(App))).toBe('true 0 undefined');
      expect(app.t.host.sessions).toBe(0);
    } finally {
      globalThis.window = window;
    }
  });
});
