import { afterEach, describe, expect, it, vi } from 'vitest';
import { testHost } from '../../main/testing/index.ts';
import type { Key } from '../../protocol/key.ts';
import { cache, defineStores, index } from '../../protocol/stores.ts';
import { deleteEntry, observeEntry, setEntry } from '../../renderer-api/bindings/index.ts';
import { errorMatching } from '../matchers.ts';
import { openView } from './observe.ts';

const stores = defineStores({ api: cache<Key, unknown>(), notes: index<string, { text: string }>() });
const openPage = (t: Awaited<ReturnType<typeof testHost<typeof stores>>>) => t.page().as<typeof stores>();

afterEach(() => vi.useRealTimers());

describe('the observer of an entry', () => {
  it('is loading, then has the value, then each change from any window', async () => {
    using t = await testHost({ stores });
    t.host.stores.api.set('k', 1);
    const view = openView(observeEntry(openPage(t).api, 'k'));
    expect(view.now).toEqual({ value: undefined, error: undefined, isLoading: true });
    await view.shows(1);
    await openPage(t).api.set('k', 2);
    await view.shows(2);
    t.host.stores.api.delete('k');
    await view.shows(undefined);
    expect(view.now.isLoading).toBe(false);
    t.host.stores.api.set('k', 3);
    await view.shows(3);
    t.host.stores.api.clear();
    await view.shows(undefined);
  });

  it('does not hear of other keys', async () => {
    using t = await testHost({ stores });
    const { api } = openPage(t);
    const [theme, other] = [openView(observeEntry(api, 'theme')), openView(observeEntry(api, 'themeColor'))];
    await expect.poll(() => theme.now.isLoading).toBe(false);
    const before = theme.seen.length;
    t.host.stores.api.set('themeColor', 'red');
    await other.shows('red');
    expect(theme.seen.length).toBe(before);
  });

  it('is one for deeply equal keys, and another for each other key, page and store', async () => {
    using t = await testHost({ stores });
    const [one, two] = [openPage(t), openPage(t)];
    expect(observeEntry(one.api, ['user', { id: 42n, at: new Date(0) }])).toBe(
      observeEntry(one.api, ['user', { at: new Date(0), id: 42n }]),
    );
    const keys = [1, 1n, '1', [1], ['1'], null, true, new Date(1), new Uint8Array([1]), { a: 1 }, ['a,b'], ['a', 'b']];
    expect(new Set(keys.map((key) => observeEntry(one.api, key))).size).toBe(keys.length);
    expect(observeEntry(one.api, -0)).toBe(observeEntry(one.api, 0));
    expect(observeEntry(one.api, 'k')).not.toBe(observeEntry(two.api, 'k'));
    expect(observeEntry(one.notes, 'k')).not.toBe(observeEntry(one.api as never, 'k'));
  });

  it('reads once and subscribes once, however many components show a key', async () => {
    using t = await testHost({ stores });
    const { api } = openPage(t);
    const [get, subscribe] = [vi.spyOn(api, 'get'), vi.spyOn(api, 'subscribe')];
    const views = Array.from({ length: 10 }, () => openView(observeEntry(api, ['a', 1])));
    await expect.poll(() => views[0]!.now.isLoading).toBe(false);
    expect([get.mock.calls.length, subscribe.mock.calls.length]).toEqual([1, 1]);
    for (const view of views) expect(view.now).toBe(views[0]!.now);
  });

  it('is one of more than a page may have subscriptions to ranges', async () => {
    using t = await testHost({ stores });
    const { api } = openPage(t);
    const views = Array.from({ length: 600 }, (_, at) => openView(observeEntry(api, at)));
    await expect.poll(() => views.every(({ now }) => !now.isLoading)).toBe(true);
    t.host.stores.api.set(599, 'last');
    await views[599]!.shows('last');
    expect(views.map(({ now }) => now.error).filter(Boolean)).toEqual([]);
  });

  it('notifies once for many changes of a frame', async () => {
    using t = await testHost({ stores });
    const view = openView(observeEntry(openPage(t).api, 'k'));
    await expect.poll(() => view.now.isLoading).toBe(false);
    const before = view.seen.length;
    for (let n = 1; n <= 500; n++) t.host.stores.api.set('k', n);
    await view.shows(500);
    expect(view.seen.length - before).toBeLessThan(10);
  });

  it('has the error of a refused read, and keeps it for a moment without components', async () => {
    using t = await testHost({ stores });
    const page = t.page({ stores: { notes: 'read' } });
    const observer = observeEntry(page.cache('api'), 'k');
    await observer.getSettled();
    expect(observer.getSnapshot()).toEqual({
      value: undefined,
      error: errorMatching('NOT_ALLOWED', /api/),
      isLoading: false,
    });
    expect(observeEntry(page.cache('api'), 'k')).toBe(observer);
  });

  it('has the error of a wrong key, and other keys are not disturbed by it', async () => {
    using t = await testHost({ stores });
    const { api } = openPage(t);
    t.host.stores.api.set('k', 1);
    const right = openView(observeEntry(api, 'k'));
    for (const key of [(() => 1) as never, new Date(Number.NaN), [undefined] as never]) {
      const wrong = observeEntry(api, key);
      await wrong.getSettled();
      expect(wrong.getSnapshot().error).toEqual(errorMatching('BAD_KEY', /./));
    }
    await right.shows(1);
    expect(right.now.error).toBeUndefined();
  });

  it('reads again on retry after an error', async () => {
    using t = await testHost({ stores });
    t.host.stores.api.set('k', 1);
    const { api } = openPage(t);
    await api.get('k');
    t.fail('CORRUPT', { store: 'api', method: 'get' });
    const view = openView(observeEntry(api, 'k'));
    await expect.poll(() => view.now.error).toEqual(errorMatching('CORRUPT', /./));
    observeEntry(api, 'k').retry();
    expect(view.now).toMatchObject({ error: undefined, isLoading: true });
    await view.shows(1);
  });

  it('ends a moment after its last component has left, and not when one comes back', async () => {
    using t = await testHost({ stores });
    const { api } = openPage(t);
    const observer = observeEntry(api, 'k');
    const first = openView(observer);
    await observer.getSettled();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    first.leave();
    vi.advanceTimersByTime(900);
    const second = openView(observeEntry(api, 'k'));
    vi.advanceTimersByTime(5000);
    expect(observeEntry(api, 'k')).toBe(observer);
    second.leave();
    vi.advanceTimersByTime(1100);
    expect(observeEntry(api, 'k')).not.toBe(observer);
  });

  it('ends when no component has ever come', async () => {
    using t = await testHost({ stores });
    const { api } = openPage(t);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const observer = observeEntry(api, 'k');
    await observer.getSettled();
    vi.advanceTimersByTime(1100);
    expect(observeEntry(api, 'k')).not.toBe(observer);
  });

  it('reads again after the connection was lost', async () => {
    using t = await testHost({ stores });
    const page = t.page();
    const api = page.cache('api');
    const view = openView(observeEntry(api, 'k'));
    await expect.poll(() => view.now.isLoading).toBe(false);
    page.disconnect();
    t.host.stores.api.set('k', 'meanwhile');
    await page.get('anything');
    await view.shows('meanwhile');
    expect(view.now.error).toBeUndefined();
  });
});

describe('a write through an observer', () => {
  it('is shown at once, and stays when it has succeeded', async () => {
    using t = await testHost({ stores });
    const { api } = openPage(t);
    const view = openView(observeEntry(api, 'k'));
    await expect.poll(() => view.now.isLoading).toBe(false);
    const written = setEntry(api, 'k', 'new');
    expect(view.value).toBe('new');
    await written;
    expect(view.value).toBe('new');
    expect(t.host.stores.api.get('k')).toBe('new');
    const deleted = deleteEntry(api, 'k');
    expect(view.value).toBeUndefined();
    expect(await deleted).toBe(true);
    expect(t.host.stores.api.has('k')).toBe(false);
  });

  it('is taken back when it is refused, and rejects', async () => {
    using t = await testHost({ stores });
    const { api } = openPage(t);
    t.host.stores.api.set('k', 'stored');
    const view = openView(observeEntry(api, 'k'));
    await view.shows('stored');
    t.fail('DISK_FULL', { store: 'api', method: 'set' });
    const refused = setEntry(api, 'k', 'new');
    expect(view.value).toBe('new');
    await expect(refused).rejects.toEqual(errorMatching('DISK_FULL', /./));
    expect(view.now).toEqual({ value: 'stored', error: undefined, isLoading: false });
    const unsendable = setEntry(api, 'k', () => 1);
    await expect(unsendable).rejects.toEqual(errorMatching('BAD_VALUE', /function/));
    expect(view.value).toBe('stored');
  });

  it('shows the last of several writes throughout, whatever their order of success', async () => {
    using t = await testHost({ stores });
    const { api } = openPage(t);
    const view = openView(observeEntry(api, 'k'));
    await expect.poll(() => view.now.isLoading).toBe(false);
    const writes: Promise<void>[] = [];
    for (const text of ['a', 'ab', 'abc', 'abcd', 'abcde']) {
      writes.push(setEntry(api, 'k', text));
      expect(view.value).toBe(text);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(writes);
    await openPage(t).api.set('other', 1);
    await view.shows('abcde');
    expect(view.seen.map(({ value }) => String(value)).join(' ')).toBe('undefined undefined a ab abc abcd abcde');
  });

  it('yields to a later write of another window', async () => {
    using t = await testHost({ stores });
    const { api } = openPage(t);
    const other = openPage(t);
    const view = openView(observeEntry(api, 'k'));
    await expect.poll(() => view.now.isLoading).toBe(false);
    for (let round = 0; round < 20; round++) {
      await Promise.all([setEntry(api, 'k', `mine ${round}`), other.api.set('k', `theirs ${round}`)]);
      await view.shows(t.host.stores.api.get('k'));
    }
  });
});
