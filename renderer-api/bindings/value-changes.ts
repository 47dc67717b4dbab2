import type { RemoteSubscribeOptions } from '../../client/remote.ts';
import type { Key } from '../../protocol/key.ts';
import type { ChangeOrReset } from '../../protocol/wire.ts';
import { subscribeOrFail } from './failures.ts';
import { getIdentity } from './key-identity.ts';

/** What is used of a cache or an index to follow it. */
export interface FollowedStore {
  getMany(keys: Iterable<Key>): Promise<unknown[]>;
  subscribe(listener: (change: ChangeOrReset<Key>) => void, options?: RemoteSubscribeOptions<Key>): () => void;
}

/** Which keys to follow; without any member, all of them. */
export interface ChangeFilter {
  readonly keys?: readonly Key[];
  readonly prefix?: Key | undefined;
  readonly from?: Key | undefined;
  readonly to?: Key | undefined;
}

export interface ValueChangeListener {
  /** An item was set to `value`, or no longer exists. */
  onChange(key: Key, value: unknown, exists: boolean): void;
  /** Changes were lost, or everything was deleted: read again. */
  onReset(): void;
  /** There will be no more changes. */
  onError(error: unknown): void;
}

interface ChangedKey {
  readonly key: Key;
  readonly isSet: boolean;
  readonly wasDeleted: boolean;
}

/**
 * Follows items of a store with their values. Returns an unsubscribe function. The values of the keys that changed in one turn are read
 * together, in the order of the changes.
 */
export function subscribeToValues(
  store: FollowedStore,
  { keys, prefix, from, to }: ChangeFilter,
  { onChange, onReset, onError }: ValueChangeListener,
): () => void {
  const wanted = keys && new Set(keys.map(getIdentity));
  let isEnded = false;
  let changed = new Map<string, ChangedKey>();
  let resetCount = 0;
  let reading = Promise.resolve();

  async function readChanged(): Promise<void> {
    const before = resetCount;
    const items = [...changed.values()];
    changed = new Map();
    try {
      const values = await store.getMany(items.map(({ key }) => key));
      if (isEnded || resetCount !== before) return;
      for (const [at, { key, wasDeleted }] of items.entries()) {
        if (wasDeleted) onChange(key, undefined, false);
        onChange(key, values[at], values[at] !== undefined);
      }
    } catch (error) {
      if (!isEnded) onError(error);
    }
  }

  function listen({ kind, key }: ChangeOrReset<Key>): void {
    if (key === undefined) {
      resetCount++;
      changed = new Map();
      onReset();
      return;
    }
    const name = getIdentity(key);
    if (wanted !== undefined && !wanted.has(name)) return;
    if (changed.size === 0) reading = reading.then(readChanged);
    const { isSet = false, wasDeleted = false } = changed.get(name) ?? {};
    if (kind === 'set' && isSet) return;
    // The place of an item is that of its first set.
    changed.delete(name);
    changed.set(name, { key, isSet: kind === 'set', wasDeleted: wasDeleted || kind !== 'set' });
  }

  const range = {
    ...(prefix !== undefined && { prefix }),
    ...(from !== undefined && { from }),
    ...(to !== undefined && { to }),
  };
  const unsubscribe = subscribeOrFail(onError, () => store.subscribe(listen, { ...range, onError }));
  return () => {
    isEnded = true;
    unsubscribe();
  };
}
