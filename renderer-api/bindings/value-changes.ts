import type { RemoteSubscribeOptions } from '../../client/remote.ts';
import type { Key } from '../../protocol/key.ts';
import type { SubscribeOptions } from '../../protocol/options.ts';
import type { ChangeOrReset } from '../../protocol/wire.ts';
import { subscribeOrFail } from './failures.ts';

/** What is used of a cache or an index to follow it. */
export interface FollowedStore {
  subscribe(listener: (change: ChangeOrReset<Key>) => void, options?: RemoteSubscribeOptions<Key>): () => void;
}

export interface ValueChangeListener {
  /** An item was set to `value`, or no longer exists. */
  onChange(key: Key, value: unknown, exists: boolean): void;
  /** Changes were lost, everything was deleted, or a value can't be sent: read again. */
  onReset(): void;
  /** There will be no more changes. */
  onError(error: unknown): void;
}

/** Follows items of a store with their values. Returns an unsubscribe function. */
export const subscribeToValues = (
  store: FollowedStore,
  options: SubscribeOptions,
  { onChange, onReset, onError }: ValueChangeListener,
): (() => void) =>
  subscribeOrFail(onError, () =>
    store.subscribe(
      ({ kind, key, value, error }) => {
        if (key === undefined || error !== undefined) onReset();
        else onChange(key, value, kind === 'set');
      },
      { ...options, values: true, onError },
    ),
  );
