import { createStore } from 'jotai/vanilla';
import { atomWithStorage, RESET, unstable_withStorageValidator as withStorageValidator } from 'jotai/vanilla/utils';
import { afterAll, afterEach, beforeAll, describe, expect, expectTypeOf, it } from 'vitest';
import { type JotaiStorage, jotaiStorage, type RemoteJotaiStorage } from '../../main/adapters/jotai.ts';
import type { ValueStore } from '../../main/adapters/store.ts';
import { type AdapterTestHost, clearStores, openHost, STORES } from './places.ts';

let t: AdapterTestHost;
beforeAll(async () => {
  t = await openHost();
});
afterEach(() => clearStores(t));
afterAll(() => t.close());

interface Draft {
  readonly text: string;
  readonly at?: Date;
}
const EMPTY: Draft = { text: '' };

/** An atom in a window of its own: a jotai store, and what a component would show. */
function openWindow(store: ValueStore) {
  const jotai = createStore();
  const draft = atomWithStorage('draft', EMPTY, jotaiStorage<Draft>(store));
  const shown: Draft[] = [];
  const unmount = jotai.sub(draft, () => void Promise.resolve(jotai.get(draft)).then((value) => shown.push(value)));
  return {
    shown,
    unmount,
    get: async () => jotai.get(draft),
    set: async (value: Draft | typeof RESET) => jotai.set(draft, value),
  };
}

describe.each(Object.entries(STORES))('atomWithStorage over %s', (_, open) => {
  it('begins with the initial value, keeps what is set, and with its types', async () => {
    const window = openWindow(open(t));
    expect(await window.get()).toEqual(EMPTY);
    await window.set({ text: 'a', at: new Date(0) });
    expect(await open(t).get('draft')).toEqual({ text: 'a', at: new Date(0) });
    window.unmount();
    const later = openWindow(open(t));
    await expect.poll(later.get).toEqual({ text: 'a', at: new Date(0) });
    later.unmount();
  });

  it('is coherent in two windows, also after a reset in one', async () => {
    const [one, other] = [openWindow(open(t)), openWindow(open(t))];
    await one.set({ text: 'a' });
    await expect.poll(other.get).toEqual({ text: 'a' });
    await other.set({ text: 'b' });
    await expect.poll(one.get).toEqual({ text: 'b' });
    await one.set(RESET);
    await expect.poll(other.get).toEqual(EMPTY);
    expect(await open(t).has('draft')).toBe(false);
    one.unmount();
    other.unmount();
  });

  it('never goes back to an older value while it writes fast', async () => {
    const [one, other] = [openWindow(open(t)), openWindow(open(t))];
    await expect.poll(one.get).toEqual(EMPTY);
    const texts = Array.from({ length: 30 }, (_, at) => `${at}`);
    await Promise.all(texts.map((text) => one.set({ text })));
    await expect.poll(other.get).toEqual({ text: '29' });
    const order = one.shown.map(({ text }) => Number(text));
    expect(order).toEqual(order.toSorted((a, b) => a - b));
    one.unmount();
    other.unmount();
  });

  it('keeps null, and takes undefined for a deletion', async () => {
    const storage = jotaiStorage<unknown>(open(t) as ValueStore);
    await storage.setItem('a', null);
    expect(await storage.getItem('a', 'initial')).toBeNull();
    await storage.setItem('a', undefined);
    expect(await storage.getItem('a', 'initial')).toBe('initial');
    expect(await open(t).has('a')).toBe(false);
  });

  it('works inside withStorageValidator', async () => {
    await open(t).set('draft', 'not a draft');
    const isDraft = (value: unknown): value is Draft => typeof (value as Draft).text === 'string';
    const storage = withStorageValidator(isDraft)(jotaiStorage<unknown>(open(t) as ValueStore));
    expect(await storage.getItem('draft', EMPTY)).toEqual(EMPTY);
  });

  it('hears exactly its key, and nothing after it was unsubscribed', async () => {
    const store = open(t);
    const storage = jotaiStorage<unknown>(store as ValueStore);
    const heard: unknown[] = [];
    const unsubscribe = storage.subscribe('theme', (value) => heard.push(value), 'initial');
    await open(t).set('themeColor', 'red');
    await open(t).set('theme', 'dark');
    await expect.poll(() => heard).toEqual(['dark']);
    unsubscribe();
    await open(t).set('theme', 'light');
    const witness: unknown[] = [];
    const end = storage.subscribe('theme', (value) => witness.push(value), 'initial');
    await open(t).delete('theme');
    await expect.poll(() => witness).toContain('initial');
    expect(heard).toEqual(['dark']);
    end();
  });
});

it('is synchronous over a store of main and returns promises over one of a page, by type too', () => {
  expectTypeOf(jotaiStorage<string>(t.host.stores.kv)).toEqualTypeOf<JotaiStorage<string>>();
  expectTypeOf(jotaiStorage<string>(t.host.stores.entries)).toEqualTypeOf<JotaiStorage<string>>();
  expectTypeOf(jotaiStorage<string>(t.page().cache('kv'))).toEqualTypeOf<RemoteJotaiStorage<string>>();
  expectTypeOf(jotaiStorage<string>(t.page().index('entries'))).toEqualTypeOf<RemoteJotaiStorage<string>>();
  expect(jotaiStorage<string>(t.host.stores.kv).getItem('a', 'initial')).toBe('initial');
  expect(jotaiStorage<string>(t.page().cache('kv')).getItem('a', 'initial')).toBeInstanceOf(Promise);
});

it('passes the error of a change that cannot be read to onError', async () => {
  const errors: unknown[] = [];
  const storage = jotaiStorage<unknown>(t.page().cache('kv'), { onError: (error) => errors.push(error) });
  const end = storage.subscribe('a', () => undefined, undefined);
  await storage.getItem('b', undefined);
  t.fail('CORRUPT', { method: 'get' });
  t.host.stores.kv.set('a', 1);
  await expect.poll(() => errors).toEqual([expect.objectContaining({ code: 'CORRUPT' })]);
  end();
});

it('forgets a value whose write has failed, so that the stored one is delivered again', async () => {
  const storage = jotaiStorage<unknown>(t.page().cache('kv'));
  const heard: unknown[] = [];
  const end = storage.subscribe('a', (value) => heard.push(value), undefined);
  t.fail('DISK_FULL', { method: 'set' });
  await expect(storage.setItem('a', 1)).rejects.toMatchObject({ code: 'DISK_FULL' });
  t.host.stores.kv.set('a', 1);
  await expect.poll(() => heard).toEqual([1]);
  end();
});

it('refuses what is not a store, and unknown options', () => {
  expect(() => jotaiStorage(new Map() as never)).toThrow(
    /takes a cache, a fanout or an index .* not a Map, which has no subscribe\(\)/,
  );
  expect(() => jotaiStorage(t.host.stores.kv, { onFailure: () => undefined } as never)).toThrow(
    expect.objectContaining({ code: 'BAD_OPTION', message: expect.stringContaining('unknown option "onFailure"') }),
  );
});
