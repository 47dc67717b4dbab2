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

const followersByStore = new WeakMap<FollowedStore, KeyFollowers>();

/** Follows a key of a store. Returns a function that ends it. */
export function followKey(store: FollowedStore, key: Key, follower: KeyFollower): () => void {
  const followers = followersByStore.get(store) ?? new KeyFollowers(store);
  followersByStore.set(store, followers);
  return followers.add(key, follower);
}

/** The followed keys of a store. They have one subscription: a page may have 256, and a list may show more entries than that. */
class KeyFollowers {
  readonly #store: FollowedStore;
  readonly #followers = new Map<string, { readonly key: Key; readonly follower: KeyFollower }>();
  /** Not in the subscription yet. */
  #added: KeyFollower[] = [];
  #subscribedCount = 0;
  #unsubscribe: (() => void) | undefined;
  #isScheduled = false;

  constructor(store: FollowedStore) {
    this.#store = store;
  }

  add(key: Key, follower: KeyFollower): () => void {
    const name = getIdentity(key);
    this.#followers.set(name, { key, follower });
    this.#added.push(follower);
    this.#schedule();
    return () => {
      if (this.#followers.get(name)?.follower === follower) this.#followers.delete(name);
      // To subscribe again for each key that leaves would cost more than its changes.
      if (this.#followers.size < this.#subscribedCount / 2) this.#schedule();
    };
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      const unsubscribe = this.#unsubscribe;
      this.#unsubscribe = this.#followers.size > 0 ? this.#subscribe() : undefined;
      unsubscribe?.();
      for (const follower of this.#added.splice(0)) follower.read();
    });
  }

  #subscribe(): () => void {
    const keys = [...this.#followers.values()].map(({ key }) => key);
    this.#subscribedCount = keys.length;
    const forAll = (tell: (follower: KeyFollower) => void) => {
      for (const { follower } of [...this.#followers.values()]) tell(follower);
    };
    return subscribeToValues(
      this.#store,
      { keys },
      {
        onChange: (key, value) => this.#followers.get(getIdentity(key))?.follower.change(value),
        onReset: () => forAll((follower) => follower.read()),
        onError: (error) => forAll((follower) => follower.fail(error)),
      },
    );
  }
}
