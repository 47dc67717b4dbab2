import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { persist } from 'zustand/middleware';
import { createStore } from 'zustand/vanilla';
import type { ValueStore } from '../../main/adapters/store.ts';
import { zustandStorage } from '../../main/adapters/zustand.ts';
import { type AdapterTestHost, clearStores, openHost, STORES } from './places.ts';

let t: AdapterTestHost;
beforeAll(async () => {
  t = await openHost();
});
afterEach(() => clearStores(t));
afterAll(() => t.close());

interface Ui {
  readonly count: number;
  readonly seen: ReadonlySet<string>;
  readonly lastAt: Date | undefined;
  readonly see: (name: string) => void;
}

function openWindow(store: ValueStore, options: object = {}) {
  const storage = zustandStorage<Ui>(store);
  const ui = createStore(
    persist<Ui>(
      (set, get) => ({
        count: 0,
        seen: new Set(),
        lastAt: undefined,
        see: (name) => set({ count: get().count + 1, seen: new Set([...get().seen, name]), lastAt: new Date(0) }),
      }),
      { name: 'ui', storage, ...options },
    ),
  );
  const hydrated = () => expect.poll(() => ui.persist.hasHydrated()).toBe(true);
  return { ui, storage, hydrated };
}

describe.each(Object.entries(STORES))('persist over %s', (_, open) => {
  it('brings back the plain part of the state, with its types, and keeps the actions', async () => {
    const { ui, hydrated } = openWindow(open(t));
    await hydrated();
    ui.getState().see('a');
    const stored = { state: { count: 1, seen: new Set(['a']), lastAt: new Date(0) }, version: 0 };
    await expect.poll(() => open(t).get('ui')).toEqual(stored);
    const again = openWindow(open(t));
    await again.hydrated();
    expect(again.ui.getState()).toMatchObject(stored.state);
    again.ui.getState().see('b');
    expect(again.ui.getState().count).toBe(2);
  });

  it('calls onRehydrateStorage, and migrates an older version', async () => {
    await open(t).set('ui', { state: { counter: 7 }, version: 1 });
    const calls: unknown[] = [];
    const { ui, hydrated } = openWindow(open(t), {
      version: 2,
      migrate: (old: { counter: number }, version: number) => ({ count: old.counter * version }),
      onRehydrateStorage: () => (state: Ui | undefined, error: unknown) => calls.push([state?.count, error]),
    });
    await hydrated();
    expect(ui.getState().count).toBe(7);
    expect(calls).toEqual([[7, undefined]]);
    await expect.poll(() => open(t).get('ui')).toMatchObject({ state: { count: 7 }, version: 2 });
  });

  it('passes a failed read to onRehydrateStorage', async () => {
    const store = open(t);
    t.fail('CORRUPT', { method: 'get' });
    const errors: unknown[] = [];
    openWindow(store, { onRehydrateStorage: () => (_state: unknown, error: unknown) => errors.push(error) });
    await expect.poll(() => errors).toEqual([expect.objectContaining({ code: 'CORRUPT' })]);
  });

  it('keeps what partialize leaves, and clearStorage deletes it', async () => {
    const { ui, hydrated } = openWindow(open(t), { partialize: ({ count }: Ui) => ({ count }) });
    await hydrated();
    ui.setState({ count: 3 });
    await expect.poll(() => open(t).get('ui')).toEqual({ state: { count: 3 }, version: 0 });
    ui.persist.clearStorage();
    await expect.poll(() => open(t).has('ui')).toBe(false);
  });

  it('brings changes of other windows with rehydrateOnChange, and none of its own', async () => {
    const [one, other] = [openWindow(open(t)), openWindow(open(t))];
    await Promise.all([one.hydrated(), other.hydrated()]);
    let hydrations = 0;
    one.ui.persist.onFinishHydration(() => hydrations++);
    const ends = [one.storage.rehydrateOnChange(one.ui), other.storage.rehydrateOnChange(other.ui)];
    one.ui.getState().see('a');
    await expect.poll(() => other.ui.getState().seen).toEqual(new Set(['a']));
    expect(hydrations).toBe(0);
    other.ui.getState().see('b');
    await expect.poll(() => one.ui.getState().seen).toEqual(new Set(['a', 'b']));
    expect(hydrations).toBe(1);
    expect(one.ui.persist.hasHydrated()).toBe(true);
    for (const end of ends) end();
    other.ui.getState().see('c');
    await expect.poll(() => open(t).get('ui')).toMatchObject({ state: { count: 3 } });
    expect(one.ui.getState().count).toBe(2);
  });
});

it('has the state at once over a store of main', () => {
  t.host.stores.kv.set('ui', { state: { count: 5 }, version: 0 });
  expect(openWindow(t.host.stores.kv).ui.getState().count).toBe(5);
});

it('refuses a zustand store without persist, what is not a store, and unknown options', () => {
  const storage = zustandStorage(t.host.stores.kv);
  const plain = createStore(() => ({}));
  expect(() => storage.rehydrateOnChange(plain as never)).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }));
  expect(() => zustandStorage(undefined as never)).toThrow(/not undefined/);
  expect(() => zustandStorage(t.host.stores.kv, { name: 'ui' } as never)).toThrow(/unknown option "name"/);
});
