import { DiskCacheError, type ErrorCode } from '../../../protocol/error.ts';
import type { Key } from '../../../protocol/key.ts';
import type { SetOptions } from '../../../protocol/options.ts';
import { blockFor } from '../sqlite/views.ts';
import { encodeKey, type KeyColumn } from '../values/key.ts';
import { isRecord } from './arguments.ts';
import type { Core } from './core.ts';
import { isLeased, type Lease, takeLease } from './lease.ts';
import { get, liveFacts } from './read.ts';
import { set } from './write.ts';

/** What the calls of one memoized function share. */
export interface Memo {
  readonly open: (key: Key) => Core;
  /** Of the results. */
  readonly stored: SetOptions;
  /** How early to recompute; undefined: not before the result has expired. */
  readonly beta: number | undefined;
  readonly isAsync: boolean;
  /** Never throws. */
  readonly onStoreFailure: (error: unknown, key: Key) => void;
  /** Promises that are waited for, by encoded key. */
  readonly running: Map<string, Promise<unknown>>;
  /** Encoded keys whose computation is on the stack. */
  readonly entered: Set<string>;
}

/** A result as it is stored. */
interface Result {
  readonly value: unknown;
  /** Whether the function answered a promise of it. */
  readonly promised: boolean;
  /** How long it took, milliseconds. */
  readonly took: number;
}

/** Errors of what was called and with what, not of the store. */
const OF_THE_CALLER: ReadonlySet<ErrorCode> = new Set(['BAD_KEY', 'BAD_VALUE', 'BAD_OPTION']);

/** Milliseconds between two looks whether another process is done. */
const PERIOD = 5;

/** One call of a memoized function. */
export class Call<R> {
  readonly #memo: Memo;
  /** Undefined when the store can't be used, such as a closed one. */
  readonly #core: Core | undefined;
  readonly #key: Key;
  readonly #column: KeyColumn;
  readonly #id: string;
  readonly #run: () => R;
  #known: Result | undefined;

  constructor(memo: Memo, key: Key, run: () => R) {
    this.#memo = memo;
    this.#key = key;
    this.#column = encodeKey(key);
    this.#id = Buffer.from(this.#column as Uint8Array).toString('latin1');
    this.#run = run;
    this.#core = this.#tried(() => memo.open(key));
  }

  answer(): R {
    const { running, entered } = this.#memo;
    const isDue = this.#tried(() => this.#look()) ?? false;
    if (this.#known !== undefined && !isDue) return answerOf(this.#known);
    const core = this.#core;
    // A function that calls itself would wait for itself; in a transaction nobody else could finish; a reader keeps nothing.
    if (entered.has(this.#id) || (core && (core.transaction.depth > 0 || core.usage.readOnly))) return this.#run();
    const shared = running.get(this.#id);
    if (shared !== undefined) return this.#meanwhile(shared);
    const lease = this.#lease();
    if (lease !== 'taken') return this.#compute(lease);
    return this.#known === undefined ? this.#wait() : answerOf(this.#known);
  }

  /** What the store does for a call. Where it fails, the call goes on without it. What the caller gave is the caller's to mend. */
  #tried<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      if (error instanceof DiskCacheError && OF_THE_CALLER.has(error.code)) throw error;
      this.#memo.onStoreFailure(error, this.#key);
      return undefined;
    }
  }

  /** The right to compute, unless it is taken; undefined when the store can't give it: then each computes for itself. */
  #lease(): Lease | 'taken' | undefined {
    const core = this.#core;
    return core && this.#tried(() => takeLease(core, this.#column) ?? 'taken');
  }

  #release(lease: Lease | undefined): void {
    if (lease !== undefined) this.#tried(() => lease.release());
  }

  /**
   * Looks what is known; answers whether it is time to compute it anew, by "Optimal Probabilistic Cache Stampede Prevention"
   * (Vattani, Chierichetti, Lowenstein, VLDB 2015).
   */
  #look(): boolean {
    const { beta } = this.#memo;
    const core = this.#core;
    this.#known = undefined;
    if (core === undefined) return false;
    if (beta === undefined) {
      this.#known = get(core, this.#key) as Result | undefined;
      return false;
    }
    const now = core.clock();
    const facts = liveFacts(core, this.#column, now);
    this.#known = facts?.value as Result | undefined;
    if (facts === undefined || facts.expiresAt === null || this.#known === undefined) return false;
    return now - this.#known.took * beta * Math.log(Math.random()) >= facts.expiresAt;
  }

  /** With the lease in hand, where the store can give one. */
  #compute(lease: Lease | undefined): R {
    const began = performance.now();
    const before = this.#known;
    try {
      // Somebody may have finished between the look and the lease.
      if (before === undefined) this.#tried(() => this.#look());
      if (before === undefined && this.#known !== undefined) {
        this.#release(lease);
        return answerOf(this.#known);
      }
      const result = this.#enter();
      if (isThenable(result)) return this.#meanwhile(this.#share(this.#settle(result, began, lease)));
      this.#keep(result, false, began);
      this.#release(lease);
      return result;
    } catch (error) {
      this.#release(lease);
      if (before !== undefined) return answerOf(before);
      throw error;
    }
  }

  #enter(): R {
    const { entered } = this.#memo;
    entered.add(this.#id);
    try {
      return this.#run();
    } finally {
      entered.delete(this.#id);
    }
  }

  #keep(value: unknown, promised: boolean, began: number): void {
    const { open, stored } = this.#memo;
    const result = { value, promised, took: performance.now() - began } satisfies Result;
    if (this.#core !== undefined) this.#tried(() => set(open(this.#key), this.#key, result, stored));
  }

  async #settle(promise: PromiseLike<unknown>, began: number, lease: Lease | undefined): Promise<unknown> {
    try {
      const value = await promise;
      this.#keep(value, true, began);
      return value;
    } finally {
      this.#release(lease);
    }
  }

  /** One promise for all who ask while it is open. */
  #share(promise: Promise<unknown>): Promise<unknown> {
    const { running } = this.#memo;
    const shared = promise.finally(() => running.delete(this.#id));
    running.set(this.#id, shared);
    return shared;
  }

  /** Who still has a result gets that; a failure meets the first call after it has expired. */
  #meanwhile(promise: Promise<unknown>): R {
    if (this.#known === undefined) return promise as R;
    promise.catch(() => {});
    return answerOf(this.#known);
  }

  /** Another process computes it: a plain function waits on the spot, as it would for its own computation. */
  #wait(): R {
    if (this.#memo.isAsync) return this.#share(this.#waitTurns()) as R;
    for (;;) {
      blockFor(PERIOD);
      const turn = this.#myTurn();
      if (turn !== undefined) return turn.answer;
    }
  }

  async #waitTurns(): Promise<unknown> {
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, PERIOD));
      const turn = this.#myTurn();
      if (turn !== undefined) return await turn.answer;
    }
  }

  /** The answer, when the other process is done or gone, or the store can't tell. */
  #myTurn(): { readonly answer: R } | undefined {
    this.#tried(() => this.#look());
    if (this.#known !== undefined) return { answer: answerOf(this.#known) };
    const core = this.#core && this.#tried(() => this.#memo.open(this.#key));
    const isWaiting = core && this.#tried(() => isLeased(core, this.#column));
    if (isWaiting) return undefined;
    const lease = isWaiting === undefined ? undefined : this.#lease();
    return lease === 'taken' ? undefined : { answer: this.#compute(lease) };
  }
}

const answerOf = <R>({ value, promised }: Result): R => (promised ? Promise.resolve(value) : value) as R;

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  isRecord(value) && 'then' in value && typeof value.then === 'function';
