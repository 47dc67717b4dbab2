import { type CacheStore, getErrorOption, type OnError, type StoreChange } from './store.ts';

/** An event of `storage.watch`. An item that expired or was evicted is removed. */
export type UnstorageEvent = 'update' | 'remove';

interface Watch {
  readonly cache: CacheStore;
  /** The prefix of all keys in the cache. Keys of events don't have it. */
  readonly prefix: string;
  readonly getKeys: () => Promise<string[]>;
  readonly callback: (event: UnstorageEvent, key: string) => void;
  readonly onError: OnError | undefined;
}

/**
 * Calls back with every change below a prefix, from any window or process. Returns an unsubscribe function. unstorage expects an event for each
 * key, but a cleared cache reports a single change, and so does a page that has missed changes. So the keys are remembered.
 */
export async function watchKeys({ cache, prefix, getKeys, callback, onError }: Watch): Promise<() => void> {
  const keys = new Set<string>();
  let isWatching = true;

  function emit(event: UnstorageEvent, key: string): void {
    if (event === 'update') keys.add(key);
    else keys.delete(key);
    callback(event, key);
  }

  async function compareKeys(): Promise<void> {
    const present = new Set(await getKeys());
    if (!isWatching) return;
    for (const key of [...keys]) if (!present.has(key)) emit('remove', key);
    for (const key of present) emit('update', key);
  }

  function onChange({ kind, key }: StoreChange): void {
    if (kind === 'clear') for (const known of [...keys]) emit('remove', known);
    else if (kind === 'reset') void compareKeys().then(undefined, onError);
    else emit(kind === 'set' ? 'update' : 'remove', (key as string).slice(prefix.length));
  }

  const unsubscribe = cache.subscribe(onChange, { prefix, ...getErrorOption(cache, onError) });
  try {
    for (const key of await getKeys()) keys.add(key);
  } catch (error) {
    unsubscribe();
    throw error;
  }
  return () => {
    isWatching = false;
    unsubscribe();
  };
}
