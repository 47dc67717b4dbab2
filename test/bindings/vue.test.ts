import { afterEach, describe, expect, expectTypeOf, it, vi } from 'vitest';
import { effectScope, isRef, nextTick, reactive, ref, watch } from 'vue';
import { testHost } from '../../main/testing/index.ts';
import type { Key } from '../../protocol/key.ts';
import { cache, defineStores, deque, index, settings } from '../../protocol/stores.ts';
import { useDeque, useEntries, useEntry, useJobs, useSetting } from '../../renderer-api/vue/index.ts';

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

/** Runs the composables of a component that is unmounted at the end of the test. */
const scopes: ReturnType<typeof effectScope>[] = [];
function inScope<T>(setup: () => T): T {
  const scope = effectScope(true);
  scopes.push(scope);
  return scope.run(setup)!;
}
afterEach(() => {
  for (const scope of scopes.splice(0)) scope.stop();
});

describe('useEntry', () => {
  it('is a ref of the value, with its state beside it', async () => {
    const { t, notes } = await open();
    using _ = t;
    t.host.stores.notes.set('a', { title: 'Permits' });
    const note = inScope(() => useEntry(notes, 'a'));
    expect(isRef(note)).toBe(true);
    expect(note.data.value).toBeUndefined();
    expect(note.isLoading.value).toBe(true);
    await expect.poll(() => note.value).toEqual({ title: 'Permits' });
    expect(note.isLoading.value).toBe(false);
    t.host.stores.notes.set('a', { title: 'Photos' });
    await expect.poll(() => note.data.value).toEqual({ title: 'Photos' });
    t.host.stores.notes.delete('a');
    await expect.poll(() => note.value).toBeUndefined();
  });

  it('follows a key that is a ref, a getter or a reactive object, and none that is undefined', async () => {
    const { t, api } = await open();
    using _ = t;
    t.host.stores.api.setMany([
      ['a', 1],
      ['b', 2],
      [['user', 1], 'Ada'],
      [['user', 2], 'Alan'],
    ]);
    const key = ref<string>();
    const user = reactive(['user', 1]);
    const [byRef, byGetter, byObject] = inScope(() => [
      useEntry(api, key),
      useEntry(api, () => key.value?.toLowerCase()),
      useEntry(api, user),
    ]);
    expect([byRef.value, byRef.isLoading.value, byGetter.isLoading.value]).toEqual([undefined, false, false]);
    key.value = 'a';
    expect(byRef.isLoading.value).toBe(true);
    await expect.poll(() => [byRef.value, byGetter.value, byObject.value]).toEqual([1, 1, 'Ada']);
    key.value = 'b';
    // Never the value of one key with another.
    expect(byRef.value).toBeUndefined();
    user[1] = 2;
    await expect.poll(() => [byRef.value, byGetter.value, byObject.value]).toEqual([2, 2, 'Alan']);
    key.value = undefined;
    expect([byRef.value, byRef.isLoading.value]).toEqual([undefined, false]);
  });

  it('shows what is assigned at once, and stores it; undefined deletes', async () => {
    const { t, notes } = await open();
    using _ = t;
    const note = await inScope(() => useEntry(notes, 'a'));
    note.value = { title: 'Permits' };
    expect(note.value).toEqual({ title: 'Permits' });
    await expect.poll(() => t.host.stores.notes.get('a')).toEqual({ title: 'Permits' });
    note.value = undefined;
    expect(note.value).toBeUndefined();
    await expect.poll(() => t.host.stores.notes.has('a')).toBe(false);
    await note.set({ title: 'Photos' });
    expect(t.host.stores.notes.get('a')).toEqual({ title: 'Photos' });
    expect(await note.delete()).toBe(true);
    expect(await note.delete()).toBe(false);
  });

  it('takes options for a cache, and a cache only', async () => {
    const { t, api, notes } = await open();
    using _ = t;
    const [item, note] = await inScope(() => Promise.all([useEntry(api, 'k'), useEntry(notes, 'a')]));
    await item.set(1, { tag: 'numbers' });
    expect(t.host.stores.api.evict('numbers')).toBe(1);
    await expect(note.set({ title: '' }, { ttl: 1 })).rejects.toMatchObject({ code: 'BAD_OPTION' });
  });

  it('shows the stored value again if the write fails, with the reason until the next one succeeds', async () => {
    const { t, notes } = await open();
    using _ = t;
    t.host.stores.notes.set('a', { title: 'Permits' });
    const note = await inScope(() => useEntry(notes, 'a'));
    t.fail('DISK_FULL', { store: 'notes', method: 'set', times: 2 });
    const seen: unknown[] = [];
    inScope(() => watch(note.data, (value) => seen.push(value?.title), { flush: 'sync' }));
    note.value = { title: 'Photos' };
    await expect.poll(() => note.error.value).toMatchObject({ code: 'DISK_FULL' });
    expect(note.value).toEqual({ title: 'Permits' });
    expect(seen).toEqual(['Photos', 'Permits']);
    await expect(note.set({ title: 'Photos' })).rejects.toMatchObject({ code: 'DISK_FULL' });
    await note.set({ title: 'Photos' });
    expect([note.value, note.error.value]).toEqual([{ title: 'Photos' }, undefined]);
  });

  it('shows what is stored, which does not change with the form that it came from', async () => {
    const { t, notes } = await open();
    using _ = t;
    const note = await inScope(() => useEntry(notes, 'a'));
    const form = reactive({ title: 'Permits' });
    const written = note.set(form);
    form.title = 'Phot';
    await written;
    await expect.poll(() => note.value).toEqual({ title: 'Permits' });
    expect(t.host.stores.notes.get('a')).toEqual({ title: 'Permits' });
    form.title = 'Photos';
    expect(note.value).toEqual({ title: 'Permits' });
  });

  it('keeps the key that it was given, while a reactive one changes', async () => {
    const { t, api } = await open();
    using _ = t;
    const key = reactive(['user', 1]);
    const [own, other] = await inScope(() => Promise.all([useEntry(api, key), useEntry(api, ['user', 1])]));
    key[1] = 2;
    await own.set('Alan');
    await other.set('Ada');
    expect(
      t.host.stores.api.getMany([
        ['user', 1],
        ['user', 2],
      ]),
    ).toEqual(['Ada', 'Alan']);
    t.host.stores.api.clear();
    await expect.poll(() => [own.value, other.value]).toEqual([undefined, undefined]);
    t.host.stores.api.set(['user', 1], 'Grace');
    await expect.poll(() => [own.value, other.value]).toEqual([undefined, 'Grace']);
  });

  it('has the reason why nothing can be read, and reads again when it is told to', async () => {
    const { t, api } = await open();
    using _ = t;
    t.host.stores.api.set('k', 1);
    const stopFailing = t.fail('BUSY', { store: 'api', method: 'get', times: Number.POSITIVE_INFINITY });
    const item = inScope(() => useEntry(api, 'k'));
    await expect.poll(() => item.error.value).toMatchObject({ code: 'BUSY' });
    expect(item.isLoading.value).toBe(false);
    stopFailing();
    item.retry();
    await expect.poll(() => [item.value, item.error.value]).toEqual([1, undefined]);
  });

  it('follows nothing after its scope has ended', async () => {
    const { t, api } = await open();
    using _ = t;
    const scope = effectScope(true);
    const item = scope.run(() => useEntry(api, 'k'))!;
    await item;
    scope.stop();
    const other = await inScope(() => useEntry(api, 'k'));
    t.host.stores.api.set('k', 1);
    await expect.poll(() => other.value).toBe(1);
    expect(item.value).toBeUndefined();
  });
});

describe('an awaited ref', () => {
  it('has its value, and the same state and methods', async () => {
    const { t, api } = await open();
    using _ = t;
    t.host.stores.api.set('k', 1);
    const item = await inScope(() => useEntry(api, 'k'));
    expect([item.value, item.isLoading.value, item.data.value]).toEqual([1, false, 1]);
    t.host.stores.api.set('k', 2);
    await expect.poll(() => item.value).toBe(2);
    await item.set(3);
    expect(t.host.stores.api.get('k')).toBe(3);
  });

  it('rejects if the data can’t be read', async () => {
    const { t, api } = await open();
    using _ = t;
    t.fail('CORRUPT', { store: 'api', method: 'get', times: Number.POSITIVE_INFINITY });
    await expect(inScope(() => useEntry(api, 'k'))).rejects.toMatchObject({ code: 'CORRUPT' });
  });

  it('is that of the last key if the key changes while it loads', async () => {
    const { t, api } = await open();
    using _ = t;
    t.host.stores.api.setMany([
      ['a', 1],
      ['b', 2],
    ]);
    const key = ref('a');
    const loading = inScope(() => useEntry(api, key).then((item) => item.value));
    key.value = 'b';
    expect(await loading).toBe(2);
  });
});

describe('useSetting', () => {
  it('is loading, then has the setting of all windows', async () => {
    const { t, preferences } = await open();
    using _ = t;
    const theme = inScope(() => useSetting(preferences, 'theme'));
    expect([theme.value, theme.isLoading.value]).toEqual([undefined, true]);
    await expect.poll(() => theme.value).toBe('light');
    t.host.stores.preferences.set('theme', 'dark');
    await expect.poll(() => theme.value).toBe('dark');
    theme.value = 'light';
    expect(theme.value).toBe('light');
    await expect.poll(() => t.host.stores.preferences.get('theme')).toBe('light');
  });

  it('has the value at once when the settings are loaded', async () => {
    const { t, preferences } = await open();
    using _ = t;
    t.host.stores.preferences.set('editor.fontSize', 15);
    await preferences.load();
    const size = inScope(() => useSetting(preferences, 'editor.fontSize'));
    expect([size.value, size.isLoading.value]).toEqual([15, false]);
    await size.reset();
    await expect.poll(() => size.value).toBe(13);
  });

  it('knows the type of each path, and refuses others', async () => {
    const { t, preferences, notes } = await open();
    using _ = t;
    const theme = await inScope(() => useSetting(preferences, 'theme'));
    expectTypeOf(theme.value).toEqualTypeOf<'light' | 'dark'>();
    expectTypeOf(theme.data.value).toEqualTypeOf<'light' | 'dark'>();
    expectTypeOf(inScope(() => useSetting(preferences, 'editor.fontSize')).value).toEqualTypeOf<number | undefined>();
    expectTypeOf(inScope(() => useEntry(notes, 'a')).value).toEqualTypeOf<{ title: string } | undefined>();
    const refused = () => {
      // @ts-expect-error: an unknown setting
      useSetting(preferences, 'themes');
      // @ts-expect-error: an unknown setting
      useSetting(preferences, () => 'editor.size' as const);
      // @ts-expect-error: 42 is not a theme
      theme.value = 42;
      // @ts-expect-error: keys of notes are texts
      useEntry(notes, 42);
      // @ts-expect-error: a note has a title
      useEntry(notes, 'a').value = {};
    };
    expect(refused).toBeTypeOf('function');
  });
});

describe('lists', () => {
  it('useEntries has the entries of a range, which may be reactive', async () => {
    const { t, notes } = await open();
    using _ = t;
    for (const key of ['a1', 'a2', 'b1']) t.host.stores.notes.set(key, { title: key });
    const range = reactive({ prefix: 'a' });
    const rows = inScope(() => useEntries(notes, range));
    expect(rows.value).toEqual([]);
    await expect.poll(() => rows.value.map(([key]) => key)).toEqual(['a1', 'a2']);
    t.host.stores.notes.set('a3', { title: 'a3' });
    await expect.poll(() => rows.value.map(([key]) => key)).toEqual(['a1', 'a2', 'a3']);
    range.prefix = 'b';
    await expect.poll(() => rows.value.map(([key]) => key)).toEqual(['b1']);
    const all = await inScope(() => useEntries(notes));
    expect(all.value.length).toBe(4);
  });

  it('useEntries renders once for many changes, and keeps the rows that have not changed', async () => {
    const { t, notes } = await open();
    using _ = t;
    for (let at = 0; at < 100; at++) t.host.stores.notes.set(`n${at}`, { title: '' });
    const rows = await inScope(() => useEntries(notes));
    const before = rows.value;
    let renders = 0;
    inScope(() => watch(rows, () => renders++));
    for (let at = 0; at < 50; at++) t.host.stores.notes.set(`n${at}`, { title: 'new' });
    await expect.poll(() => rows.value.filter(([, { title }]) => title === 'new').length).toBe(50);
    await nextTick();
    expect(renders).toBeLessThan(50);
    expect(rows.value[99]).toBe(before[99]);
  });

  it('useDeque has the values in their order', async () => {
    const { t, drafts } = await open();
    using _ = t;
    const list = await inScope(() => useDeque(drafts));
    await drafts.push('one', 'two');
    await expect.poll(() => list.value).toEqual(['one', 'two']);
    t.host.stores.drafts.shift();
    await expect.poll(() => list.value).toEqual(['two']);
  });

  it('useJobs has the jobs of a queue and its numbers', async () => {
    const { t, page } = await open();
    using _ = t;
    t.host.queue('outbox');
    const outbox = page.queue<string>('outbox');
    const jobs = inScope(() => useJobs(outbox));
    expect(jobs.counts.value.ready).toBe(0);
    await outbox.enqueue('a letter');
    await expect.poll(() => jobs.value.map(({ payload, state }) => [payload, state])).toEqual([['a letter', 'ready']]);
    expect(jobs.counts.value.ready).toBe(1);
    expect(jobs.isPaused.value).toBe(false);
    await outbox.pause();
    await expect.poll(() => jobs.isPaused.value).toBe(true);
  });
});

it('warns of nothing that a component does', async () => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
  const { t, api } = await open();
  using _ = t;
  const item = await inScope(() => useEntry(api, 'k'));
  item.value = 1;
  await item.set(2);
  expect(warn).not.toHaveBeenCalled();
  warn.mockRestore();
});
