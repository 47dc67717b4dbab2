import { flushSync } from 'svelte';
import { createSubscriber } from 'svelte/reactivity';
import { fromStore, get, toStore, writable } from 'svelte/store';
import { afterEach, describe, expect, expectTypeOf, it, vi } from 'vitest';
import { testHost } from '../../main/testing/index.ts';
import type { Key } from '../../protocol/key.ts';
import { cache, defineStores, deque, index, settings } from '../../protocol/stores.ts';
import { useConnection, useDeque, useEntries, useEntry, useJobs, useSetting } from '../../renderer-api/svelte/index.ts';

interface Preferences {
  theme: 'light' | 'dark';
  editor: { fontSize: number };
}

const stores = defineStores({
  api: cache<Key, unknown>(),
  notes: index<string, { title: string }>(),
  preferences: settings<Preferences>({ defaults: { theme: 'light', editor: { fontSize: 13 } } }),
  drafts: deque<string>(),
});

async function open() {
  const t = await testHost({ stores });
  const page = t.page();
  const { api, notes, preferences, drafts } = page.as<typeof stores>();
  return { t, page, api, notes, preferences, drafts };
}

const cleanUps: (() => void)[] = [];
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
});

/** Runs an effect, as a template does, with what `read` returns at each run. `onRun` is called in the effect. */
function runEffect<T>(read: () => T, onRun: (value: T) => void = () => {}): T[] {
  const seen: T[] = [];
  const show = () => {
    const value = read();
    // `toStore` also reads outside the effect, where no subscriber starts.
    let isInEffect = false;
    createSubscriber(() => {
      isInEffect = true;
    })();
    if (isInEffect) onRun(value);
    return value;
  };
  cleanUps.push(toStore(show).subscribe((value) => void seen.push(value)));
  flushSync();
  return seen;
}

describe('useEntry', () => {
  it('has a value that effects follow as long as they run', async () => {
    const { t, notes } = await open();
    using _ = t;
    t.host.stores.notes.set('a', { title: 'Permits' });
    const note = useEntry(notes, 'a');
    const titles = runEffect(() => (note.isLoading ? '…' : note.value?.title));
    expect(titles).toEqual(['…']);
    await expect.poll(() => titles.at(-1)).toBe('Permits');
    t.host.stores.notes.set('a', { title: 'Photos' });
    await expect.poll(() => titles.at(-1)).toBe('Photos');
    for (const stop of cleanUps.splice(0)) stop();
    const count = titles.length;
    const other = runEffect(() => useEntry(notes, 'a').value?.title);
    t.host.stores.notes.set('a', { title: 'Tickets' });
    await expect.poll(() => other.at(-1)).toBe('Tickets');
    expect(titles.length).toBe(count);
  });

  it('is a store by Svelte’s contract, too', async () => {
    const { t, notes } = await open();
    using _ = t;
    const note = useEntry(notes, 'a');
    const seen: unknown[] = [];
    const stop = note.subscribe((value) => seen.push(value?.title));
    expect(seen).toEqual([undefined]);
    await expect.poll(() => note.isLoading).toBe(false);
    await note.set({ title: 'Permits' });
    expect(get(note)).toEqual({ title: 'Permits' });
    await note.update((value) => ({ title: `${value?.title}!` }));
    expect(t.host.stores.notes.get('a')).toEqual({ title: 'Permits!' });
    await expect.poll(() => seen.at(-1)).toBe('Permits!');
    stop();
  });

  it('follows a key that is state, and none that is undefined', async () => {
    const { t, api } = await open();
    using _ = t;
    t.host.stores.api.setMany([
      ['a', 1],
      ['b', 2],
    ]);
    const key = fromStore(writable<string | undefined>());
    const item = useEntry(api, () => key.current);
    const seen = runEffect(() => [item.value, item.isLoading]);
    expect(seen).toEqual([[undefined, false]]);
    key.current = 'a';
    await expect.poll(() => seen.at(-1)).toEqual([1, false]);
    key.current = 'b';
    flushSync();
    // Never the value of one key with another.
    expect(seen.at(-1)).toEqual([undefined, true]);
    await expect.poll(() => seen.at(-1)).toEqual([2, false]);
    t.host.stores.api.set('b', 3);
    await expect.poll(() => seen.at(-1)).toEqual([3, false]);
  });

  it('shows what is assigned at once, and the stored value again with the reason if it can’t be stored', async () => {
    const { t, notes } = await open();
    using _ = t;
    t.host.stores.notes.set('a', { title: 'Permits' });
    const note = useEntry(notes, 'a');
    const seen = runEffect(() => [note.value?.title, (note.error as { code?: string } | undefined)?.code]);
    await note.loaded;
    flushSync();
    t.fail('DISK_FULL', { store: 'notes', method: 'set', times: 1 });
    note.value = { title: 'Photos' };
    flushSync();
    expect(seen.at(-1)).toEqual(['Photos', undefined]);
    await expect.poll(() => seen.at(-1)).toEqual(['Permits', 'DISK_FULL']);
    await note.set({ title: 'Photos' });
    flushSync();
    expect(seen.at(-1)).toEqual(['Photos', undefined]);
    t.fail('DISK_FULL', { store: 'notes', method: 'delete', times: 1 });
    await expect(note.delete()).rejects.toMatchObject({ code: 'DISK_FULL' });
    note.value = undefined;
    await expect.poll(() => t.host.stores.notes.has('a')).toBe(false);
  });

  it('shows what is stored, which does not change with the form that it came from', async () => {
    const { t, notes } = await open();
    using _ = t;
    const note = useEntry(notes, 'a');
    const seen = runEffect(() => note.value?.title);
    await note.loaded;
    // As state of a component is a proxy.
    const form = new Proxy({ title: 'Permits' }, {});
    const written = note.set(form);
    form.title = 'Phot';
    await written;
    await expect.poll(() => note.value).toEqual({ title: 'Permits' });
    expect(t.host.stores.notes.get('a')).toEqual({ title: 'Permits' });
    await expect.poll(() => seen.at(-1)).toBe('Permits');
    form.title = 'Photos';
    expect(note.value).toEqual({ title: 'Permits' });
  });

  it('takes options for a cache', async () => {
    const { t, api } = await open();
    using _ = t;
    await useEntry(api, 'k').set(1, { tag: 'numbers' });
    expect(t.host.stores.api.evict('numbers')).toBe(1);
  });

  it('has the reason why nothing can be read, and reads again when it is told to', async () => {
    const { t, api } = await open();
    using _ = t;
    t.host.stores.api.set('k', 1);
    const stopFailing = t.fail('BUSY', { store: 'api', method: 'get', times: Number.POSITIVE_INFINITY });
    const item = useEntry(api, 'k');
    const seen = runEffect(() => [item.value, (item.error as { code?: string } | undefined)?.code]);
    await expect(item.loaded).rejects.toMatchObject({ code: 'BUSY' });
    flushSync();
    expect(seen.at(-1)).toEqual([undefined, 'BUSY']);
    stopFailing();
    item.retry();
    expect(await item.loaded).toBe(1);
    flushSync();
    expect(seen.at(-1)).toEqual([1, undefined]);
  });
});

describe('useSetting', () => {
  it('is not overwritten by a select that is mounted while it is loading', async () => {
    const { t, preferences } = await open();
    using _ = t;
    t.host.stores.preferences.set('theme', 'dark');
    const theme = useSetting(preferences, 'theme');
    // `bind:value` sets the first option, in an effect, if the value is undefined.
    const fillIn = vi.fn((value) => {
      if (value === undefined) theme.value = 'light';
    });
    const seen = runEffect(() => theme.value, fillIn);
    expect(fillIn).toHaveBeenCalledWith(undefined);
    await expect.poll(() => seen.at(-1)).toBe('dark');
    expect(t.host.stores.preferences.get('theme')).toBe('dark');
  });

  it('is set by an event while it is loading', async () => {
    const { t, preferences } = await open();
    using _ = t;
    const theme = useSetting(preferences, 'theme');
    const seen = runEffect(() => theme.value);
    theme.value = 'dark';
    await expect.poll(() => t.host.stores.preferences.get('theme')).toBe('dark');
    await expect.poll(() => seen.at(-1)).toBe('dark');
  });

  it('has the value at once when the settings are loaded, and the default after reset', async () => {
    const { t, preferences } = await open();
    using _ = t;
    t.host.stores.preferences.set('editor.fontSize', 15);
    await preferences.load();
    const size = useSetting(preferences, 'editor.fontSize');
    const seen = runEffect(() => [size.value, size.isLoading]);
    expect(seen).toEqual([[15, false]]);
    await size.reset();
    await expect.poll(() => seen.at(-1)).toEqual([13, false]);
  });

  it('follows a path that is state', async () => {
    const { t, preferences } = await open();
    using _ = t;
    await preferences.load();
    const path = fromStore(writable<'theme' | 'editor.fontSize'>('theme'));
    const setting = useSetting(preferences, () => path.current);
    const seen = runEffect(() => setting.value);
    path.current = 'editor.fontSize';
    flushSync();
    expect(seen).toEqual(['light', 13]);
  });

  it('knows the type of each path, and refuses others', async () => {
    const { t, preferences, notes } = await open();
    using _ = t;
    expectTypeOf(useSetting(preferences, 'theme').value).toEqualTypeOf<'light' | 'dark' | undefined>();
    expectTypeOf(useEntry(notes, 'a').value).toEqualTypeOf<{ title: string } | undefined>();
    expectTypeOf(get(useSetting(preferences, 'editor.fontSize'))).toEqualTypeOf<number | undefined>();
    const refused = () => {
      // @ts-expect-error: an unknown setting
      useSetting(preferences, 'themes');
      // @ts-expect-error: an unknown setting
      useSetting(preferences, () => 'editor.size' as const);
      // @ts-expect-error: 42 is not a theme
      useSetting(preferences, 'theme').value = 42;
      // @ts-expect-error: keys of notes are texts
      useEntry(notes, 42);
      // @ts-expect-error: a deque is not written as a whole
      useDeque({} as never).value = [];
    };
    expect(refused).toBeTypeOf('function');
  });
});

describe('lists', () => {
  it('useEntries has the entries of a range, which may be state', async () => {
    const { t, notes } = await open();
    using _ = t;
    for (const key of ['a1', 'a2', 'b1']) t.host.stores.notes.set(key, { title: key });
    const prefix = fromStore(writable('a'));
    const rows = useEntries(notes, () => ({ prefix: prefix.current }));
    const seen = runEffect(() => rows.value.map(([key]) => key));
    expect(seen).toEqual([[]]);
    await expect.poll(() => seen.at(-1)).toEqual(['a1', 'a2']);
    t.host.stores.notes.set('a3', { title: 'a3' });
    await expect.poll(() => seen.at(-1)).toEqual(['a1', 'a2', 'a3']);
    prefix.current = 'b';
    await expect.poll(() => seen.at(-1)).toEqual(['b1']);
    expect((await useEntries(notes).loaded).length).toBe(4);
  });

  it('useDeque and useJobs have what the main process has', async () => {
    const { t, page, drafts } = await open();
    using _ = t;
    t.host.queue('outbox');
    const outbox = page.queue<string>('outbox');
    const [list, jobs] = [useDeque(drafts), useJobs(outbox)];
    const seen = runEffect(() => [list.value, jobs.value.map(({ payload }) => payload), jobs.counts.ready]);
    expect(seen).toEqual([[[], [], 0]]);
    await Promise.all([drafts.push('one', 'two'), outbox.enqueue('a letter')]);
    await expect.poll(() => seen.at(-1)).toEqual([['one', 'two'], ['a letter'], 1]);
    await outbox.pause();
    await expect.poll(() => jobs.isPaused).toBe(true);
  });
});

it('useConnection has what the browser says, and the reason why that is all', async () => {
  const { t, page } = await open();
  using _ = t;
  const online = useConnection(page);
  const seen = runEffect(() => [online.value, (online.error as { code?: string } | undefined)?.code]);
  await expect.poll(() => seen.at(-1)).toEqual([true, 'NOT_ALLOWED']);
});
