import type { Change } from '../../../protocol/options.ts';
import type { SubscribeOptions } from '../cache/change-feed.ts';
import { createSubscription, dispatch, dispatchPending, subscribe } from '../cache/change-feed.ts';
import { ChangeFeed, type ChangeListener, type Core } from '../state/core.ts';
import { encodeKey } from '../values/key.ts';

/**
 * Delivers the changes of all shards to the listeners of a FanoutCache: those of each shard in the order of their commits, own changes
 * right after each commit. Shards are cleared together, so `clear` is delivered once.
 */
export class ShardSubscriptions {
  readonly #shards: readonly Core[];
  readonly #feed = new ChangeFeed();
  /** Changes of each shard while a `clear` of one of them is handled. */
  #buffered: Change[][] | undefined;
  #unsubscribe: (() => void) | undefined;

  constructor(shards: readonly Core[]) {
    this.#shards = shards;
  }

  add(listener: ChangeListener, options?: SubscribeOptions): () => void {
    const subscription = createSubscription(listener, options);
    const { subscriptions } = this.#feed;
    this.#unsubscribe ??= this.#subscribeToShards();
    subscriptions.add(subscription);
    return () => {
      if (!subscriptions.delete(subscription) || subscriptions.size > 0) return;
      this.#unsubscribe?.();
      this.#unsubscribe = undefined;
    };
  }

  #subscribeToShards(): () => void {
    const stops: (() => void)[] = [];
    const stop = () => {
      for (const end of stops) end();
    };
    try {
      for (const [index, shard] of this.#shards.entries())
        stops.push(subscribe(shard, (change) => this.#onChange(index, change)));
    } catch (error) {
      stop();
      throw error;
    }
    return stop;
  }

  #onChange(shard: number, change: Change): void {
    if (this.#buffered !== undefined) this.#buffered[shard]!.push(change);
    else if (change.kind === 'clear') this.#onClear(shard);
    else this.#dispatch(change);
  }

  /** Delivers changes that other shards had before their own `clear` before it, and later ones after it. */
  #onClear(shard: number): void {
    const gathered: Change[][] = this.#shards.map(() => []);
    gathered[shard]!.push({ kind: 'clear' });
    this.#buffered = gathered;
    try {
      for (const other of this.#shards) dispatchPending(other);
    } finally {
      this.#buffered = undefined;
    }
    const lasts = gathered.map((changes) => changes.findLastIndex(({ kind }) => kind === 'clear'));
    const isKeyed = ({ kind }: Change) => kind !== 'clear';
    for (const [n, changes] of gathered.entries())
      changes
        .slice(0, lasts[n]! + 1)
        .filter(isKeyed)
        .forEach(this.#dispatch);
    this.#dispatch({ kind: 'clear' });
    for (const [n, changes] of gathered.entries()) changes.slice(lasts[n]! + 1).forEach(this.#dispatch);
  }

  readonly #dispatch = (change: Change): void => {
    dispatch({ changeFeed: this.#feed }, change, change.key === undefined ? undefined : encodeKey(change.key));
  };
}
