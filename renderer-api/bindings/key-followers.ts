import type { Key } from '../../protocol/key.ts';
import { getIdentity } from './key-identity.ts';
import { type FollowedStore, subscribeToValues } from './value-changes.ts';

/** Follows one key. */
export interface KeyFollower {
  /** Reads the value; called once changes are followed, and when some were lost. */
  read(): void;
  change(value: unknown): void;
  fail(error: unknown): void;
}

/** The keys that began to be followed in one turn: a list of entries costs one subscription. */
interface Batch {
  readonly followers: Map<string, readonly [key: Key, follower: KeyFollower]>;
  unsubscribe?: () => void;
}

/** The batches of this turn. */
const openBatches = new Map<FollowedStore, Batch>();

/** Follows a key of a store. Returns a function that ends it. */
export function followKey(store: FollowedStore, key: Key, follower: KeyFollower): () => void {
  let batch = openBatches.get(store);
  if (batch === undefined) {
    batch = { followers: new Map() };
    openBatches.set(store, batch);
    queueMicrotask(() => openBatches.delete(store) && subscribe(store, batch!));
  }
  const { followers } = batch;
  const name = getIdentity(key);
  followers.set(name, [key, follower]);
  return () => {
    followers.delete(name);
    if (followers.size === 0) batch.unsubscribe?.();
  };
}

function subscribe(store: FollowedStore, batch: Batch): void {
  const { followers } = batch;
  if (followers.size === 0) return;
  const each = (run: (follower: KeyFollower) => void) => {
    for (const [, follower] of [...followers.values()]) run(follower);
  };
  const onReset = () => each((follower) => follower.read());
  batch.unsubscribe = subscribeToValues(
    store,
    { keys: Array.from(followers.values(), ([key]) => key) },
    {
      onChange: (key, value) => followers.get(getIdentity(key))?.[1].change(value),
      onReset,
      onError: (error) => each((follower) => follower.fail(error)),
    },
  );
  onReset();
}
