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
 * Transactions over several shards. Each shard joins when it is first touched; all commit when the outermost function has
 * returned, or none does.
 *
 * Invariant: the first shard's lock is taken before any other, so of all processes one at a time collects locks, and none holds
 * one that another collector waits for. A single write takes one lock only and is never in the way for long.
 */
export class MultiShardTransaction {
  readonly #shards: readonly Core[];
  /** The shards that joined, by the depth at which they did; empty outside of transactions. */
  readonly #enlisted: Core[][] = [];

  constructor(shards: readonly Core[]) {
    this.#shards = shards;
  }

  get isOpen(): boolean {
    return this.#enlisted.length > 0;
  }

  /** A shard that is about to be used: inside a transaction it becomes part of it. */
  enlist(shard: Core): Core {
    const joining = this.#enlisted.at(-1);
    if (joining === undefined || shard.transaction.depth > 0) return shard;
    beginTransaction(shard);
    joining.push(shard);
    return shard;
  }

  /** Runs a plain function whose reads and writes are one, over whichever shards. */
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
      // What has been committed before another shard's commit failed stays.
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

  /** Each shard that has joined makes a savepoint; those that join meanwhile are undone whole. */
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
