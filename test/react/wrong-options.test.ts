// @vitest-environment jsdom
import { describe, expect, it } from 'vitest';
import { testHost } from '../../main/testing/index.ts';
import { cache, defineStores, deque, index, settings } from '../../protocol/stores.ts';
import { useConnection, useDeque, useEntries, useEntry, useJobs, useSetting } from '../../renderer-api/react/index.ts';
import { render } from './render.ts';

const stores = defineStores({
  api: cache<string, string>(),
  notes: index<string, string>(),
  outbox: deque<string>(),
  app: settings({ defaults: { theme: 'light' } }),
});

/** Opens a page with each kind of store. */
async function openPage() {
  const t = await testHost({ stores });
  t.host.queue('letters');
  const page = t.page();
  const { api, notes, outbox, app } = page.as<typeof stores>();
  return { api, notes, outbox, app, letters: page.queue('letters'), t, [Symbol.dispose]: () => t[Symbol.dispose]() };
}

type Page = Awaited<ReturnType<typeof openPage>>;

/** Calls each hook with these options, as plain JavaScript can. */
const HOOKS: Readonly<Record<string, (page: Page, options: unknown) => unknown>> = {
  useEntry: ({ notes }, options) => useEntry(notes, 'k', options as never),
  useEntries: ({ api }, options) => useEntries(api, {}, options as never),
  useDeque: ({ outbox }, options) => useDeque(outbox, options as never),
  useSetting: ({ app }, options) => useSetting(app, 'theme', options as never),
  useJobs: ({ letters }, options) => useJobs(letters, options as never),
};

/** Renders a component that calls a hook. Returns the error that the nearest error boundary shows. */
async function renderError(hook: () => unknown): Promise<unknown> {
  let thrown: unknown;
  using view = render(() => {
    try {
      hook();
    } catch (error) {
      thrown = error;
      throw error;
    }
    return 'shown';
  });
  await view.shows(/^error|^shown/);
  return thrown;
}

describe.each(Object.entries(HOOKS))('%s', (name, hook) => {
  const validOptions = name === 'useJobs' ? 'states, limit, suspense' : 'suspense';

  it('refuses a misspelt option, and names those that it has', async () => {
    using page = await openPage();
    for (const options of [{ suspence: true }, { suspense: true, suspence: undefined }])
      expect(await renderError(() => hook(page, options))).toMatchObject({
        code: 'BAD_OPTION',
        message: `${name}: unknown option "suspence"; valid options: ${validOptions}`,
      });
  });

  it.each([[null], [true], ['suspense'], [0]])('refuses %j as options', async (options) => {
    using page = await openPage();
    expect(await renderError(() => hook(page, options))).toMatchObject({
      code: 'BAD_OPTION',
      message: `${name}: the options must be an object; valid options: ${validOptions}`,
    });
  });

  it.each([['no'], [null], [1]])('refuses %j as suspense', async (suspense) => {
    using page = await openPage();
    expect(await renderError(() => hook(page, { suspense }))).toMatchObject({
      code: 'BAD_OPTION',
      message: `${name}: suspense has to be true or false`,
    });
  });
});

it('options that are undefined are as good as none', async () => {
  using page = await openPage();
  page.t.host.stores.notes.set('k', 'hello');
  await page.app.load();
  using view = render(() => {
    const { value } = useEntry(page.notes, 'k', { suspense: undefined as never });
    const { value: theme } = useSetting(page.app, 'theme', undefined);
    const { counts } = useJobs(page.letters, { limit: undefined as never, states: undefined as never });
    return `${value} ${theme} ${counts.ready}`;
  });
  await view.shows('hello light 0');
});

it('useConnection refuses what has no connection', async () => {
  for (const source of [null, {}, 'app'])
    expect(await renderError(() => useConnection(source as never))).toMatchObject({
      code: 'BAD_OPTION',
      message: 'Not a store: undefined',
    });
});
