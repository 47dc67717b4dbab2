import {
  beginTransaction,
  commitTransaction,
  finishTransaction,
  inWriteTransaction,
  rollBackTransaction,
  transact,
} from '../cache/transaction.ts';
import type { Core } from '../state/core.ts';

/**
 * Transactions over several shards. Each shard is enlisted when it is first used; all commit when the outermost function has returned,
 * or none does.
 *
 * Invariant: the first shard's lock is taken before any other, so only one process at a time collects locks, and no other holds a
 * lock that it waits for. A single write takes only one lock, for a short time.
 */
export class MultiShardTransaction {
  readonly #shards: readonly Core[];
  /** The enlisted shards, by the depth at which they were enlisted; empty outside of transactions. */
  readonly #enlisted: Core[][] = [];

  constructor(shards: readonly Core[]) {
    this.#shards = shards;
  }

  get isOpen(): boolean {
    return this.#enlisted.length > 0;
  }

  /** Returns a shard that is about to be used; inside a transaction it becomes a part of it. */
  enlist(shard: Core): Core {
    const joining = this.#enlisted.at(-1);
    if (joining === undefined || shard.transaction.depth > 0) return shard;
    beginTransaction(shard);
    joining.push(shard);
    return shard;
  }

  /** Runs a plain function as one transaction over the shards that it uses. */
  transact<T>(work: () => T): T {
    const first = this.#shards[0]!;
    // The first shard's own transaction refuses promises and holds the lock that others wait for.
    return this.isOpen ? this.#runNested(work) : this.#runOutermost(() => transact(first, work));
  }

  #runOutermost<T>(work: () => T): T {
    const joined: Core[] = [];
    this.#enlisted.push(joined);
    let result: T;
    try {
      this.enlist(this.#shards[0]!);
      result = work();
      for (const shard of joined) commitTransaction(shard);
    } catch (error) {
      this.#enlisted.length = 0;
      // Shards that were committed before another one failed to stay committed.
      for (const shard of joined) {
        if (shard.transaction.depth > 0) rollBackTransaction(shard);
        else finishTransaction(shard);
      }
      throw error;
    }
    this.#enlisted.length = 0;
    for (const shard of joined) finishTransaction(shard);
    return result;
  }

  /** Each enlisted shard makes a savepoint; shards that are enlisted inside are rolled back whole. */
  #runNested<T>(work: () => T): T {
    const joined: Core[] = [];
    const guarded = this.#enlisted
      .flat()
      .reduce<() => T>((inner, shard) => () => inWriteTransaction(shard, inner), work);
    this.#enlisted.push(joined);
    try {
      const result = transact(this.#shards[0]!, guarded);
      this.#enlisted.at(-2)?.push(...joined);
      return result;
    } catch (error) {
      for (const shard of joined) rollBackTransaction(shard);
      throw error;
    } finally {
      this.#enlisted.pop();
    }
  }
}
