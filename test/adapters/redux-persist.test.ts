import { combineReducers, legacy_createStore as createStore } from 'redux';
import { type PersistConfig, persistReducer, persistStore } from 'redux-persist';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { reduxPersistStorage } from '../../main/adapters/redux-persist.ts';
import type { ValueStore } from '../../main/adapters/store.ts';
import { type AdapterTestHost, clearStores, openHost, STORES } from './places.ts';

let t: AdapterTestHost;
beforeAll(async () => {
  t = await openHost();
});
afterEach(() => {
  vi.restoreAllMocks();
  clearStores(t);
});
afterAll(() => t.close());

interface Notes {
  readonly list: readonly string[];
  readonly openedAt?: Date;
}

function notes(state: Notes = { list: [] }, action: { type: string; note?: string }): Notes {
  return action.type === 'add' ? { list: [...state.list, action.note!], openedAt: new Date(0) } : state;
}

/** An application: its Redux store, once it has its persisted state. */
async function start(store: ValueStore, options: Partial<PersistConfig<{ notes: Notes }>> = {}) {
  const config = { key: 'root', storage: reduxPersistStorage(store), ...options };
  const redux = createStore(persistReducer(config, combineReducers({ notes })));
  const persistor = persistStore(redux);
  await expect.poll(() => persistor.getState().bootstrapped).toBe(true);
  return { redux, persistor, list: () => redux.getState().notes.list };
}

describe.each(Object.entries(STORES))('redux-persist over %s', (_, open) => {
  it('brings back the state, and purges it', async () => {
    const { redux, persistor } = await start(open(t));
    redux.dispatch({ type: 'add', note: 'a' });
    await persistor.flush();
    const again = await start(open(t));
    expect(again.list()).toEqual(['a']);
    // Otherwise redux-persist may write what it has brought back after it has purged it.
    again.persistor.pause();
    await again.persistor.flush();
    await again.persistor.purge();
    expect((await start(open(t))).list()).toEqual([]);
  });

  it('stores the state without JSON, with its types, where that is asked for', async () => {
    const asItIs = { serialize: false, deserialize: false } as object;
    const { redux, persistor } = await start(open(t), asItIs);
    redux.dispatch({ type: 'add', note: 'a' });
    await persistor.flush();
    expect(await open(t).get('persist:root')).toMatchObject({ notes: { list: ['a'], openedAt: new Date(0) } });
    const again = await start(open(t), asItIs);
    expect(again.redux.getState().notes.openedAt).toEqual(new Date(0));
  });

  it('passes a failed write to writeFailHandler', async () => {
    const errors: unknown[] = [];
    const { redux, persistor } = await start(open(t), { writeFailHandler: (error) => errors.push(error) });
    await persistor.flush();
    vi.spyOn(console, 'error').mockImplementation(() => undefined);
    t.fail('DISK_FULL', { method: 'set' });
    redux.dispatch({ type: 'add', note: 'a' });
    await persistor.flush();
    expect(errors).toEqual([expect.objectContaining({ code: 'DISK_FULL' })]);
  });
});

it('refuses what is not a store', () => {
  expect(() => reduxPersistStorage('root' as never)).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }));
});
