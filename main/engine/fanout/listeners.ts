import type { Change } from '../../../protocol/options.ts';
import type { Core } from '../cache/core.ts';
import { deliver, Feed, type Listener, subscribe, subscriptionOf, tellAll } from '../cache/feed.ts';
import type { SubscribeOptions } from '../cache/key-range.ts';
import { encodeKey } from '../values/key.ts';

/**
 * Tells the changes of all shards to those who listen to the whole: each shard's in the order of their commits, this process's
 * own right after each commit. Shards are cleared together, so it is told once.
 */
export class Listeners {
  readonly #shards: readonly Core[];
  readonly #feed = new Feed();
  /** What the shards tell while a `clear` of one of them is being looked into. */
  #gathered: Change[][] | undefined;
  #stop: (() => void) | undefined;

  constructor(shards: readonly Core[]) {
    this.#shards = shards;
  }

  add(listener: Listener, options?: SubscribeOptions): () => void {
    const subscription = subscriptionOf(listener, options);
    const { subscriptions } = this.#feed;
    this.#stop ??= this.#listen();
    subscriptions.add(subscription);
    return () => {
      if (!subscriptions.delete(subscription) || subscriptions.size > 0) return;
      this.#stop?.();
      this.#stop = undefined;
    };
  }

  #listen(): () => void {
    const stops: (() => void)[] = [];
    const stop = () => {
      for (const end of stops) end();
    };
    try {
      for (const [index, shard] of this.#shards.entries())
        stops.push(subscribe(shard, (change) => this.#hear(index, change)));
    } catch (error) {
      stop();
      throw error;
    }
    return stop;
  }

  #hear(shard: number, change: Change): void {
    if (this.#gathered !== undefined) this.#gathered[shard]!.push(change);
    else if (change.kind === 'clear') this.#hearClear(shard);
    else this.#tell(change);
  }

  /** What the other shards had before their own `clear` is told before it, what they have since, after it. */
  #hearClear(shard: number): void {
    const gathered: Change[][] = this.#shards.map(() => []);
    gathered[shard]!.push({ kind: 'clear' });
    this.#gathered = gathered;
    try {
      for (const other of this.#shards) tellAll(other);
    } finally {
      this.#gathered = undefined;
    }
    const lasts = gathered.map((changes) => changes.findLastIndex(({ kind }) => kind === 'clear'));
    const isKeyed = ({ kind }: Change) => kind !== 'clear';
    for (const [n, changes] of gathered.entries())
      changes
        .slice(0, lasts[n]! + 1)
        .filter(isKeyed)
        .forEach(this.#tell);
    this.#tell({ kind: 'clear' });
    for (const [n, changes] of gathered.entries()) changes.slice(lasts[n]! + 1).forEach(this.#tell);
  }

  readonly #tell = (change: Change): void => {
    deliver({ feed: this.#feed }, change, change.key === undefined ? undefined : encodeKey(change.key));
  };
}
