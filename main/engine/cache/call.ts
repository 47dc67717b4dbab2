import { DiskCacheError } from '../../../protocol/error.ts';
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

/** Milliseconds between two looks whether another process is done. */
const PERIOD = 5;

/** One call of a memoized function. */
export class Call<R> {
  readonly #memo: Memo;
  readonly #core: Core;
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
    this.#core = memo.open(key);
  }

  answer(): R {
    const { running, entered } = this.#memo;
    const isDue = this.#look();
    if (this.#known !== undefined && !isDue) return answerOf(this.#known);
    // A function that calls itself would wait for itself; in a transaction nobody else could finish; a reader keeps nothing.
    if (entered.has(this.#id) || this.#core.transaction.depth > 0 || this.#core.usage.readOnly) return this.#run();
    const shared = running.get(this.#id);
    if (shared !== undefined) return this.#meanwhile(shared);
    const lease = takeLease(this.#core, this.#column);
    if (lease !== undefined) return this.#compute(lease);
    return this.#known === undefined ? this.#wait() : answerOf(this.#known);
  }

  /**
   * Looks what is known; answers whether it is time to compute it anew, by "Optimal Probabilistic Cache Stampede Prevention"
   * (Vattani, Chierichetti, Lowenstein, VLDB 2015).
   */
  #look(): boolean {
    const { beta } = this.#memo;
    if (beta === undefined) {
      this.#known = get(this.#core, this.#key) as Result | undefined;
      return false;
    }
    const now = this.#core.clock();
    const facts = liveFacts(this.#core, this.#column, now);
    this.#known = facts?.value as Result | undefined;
    if (facts === undefined || facts.expiresAt === null || this.#known === undefined) return false;
    return now - this.#known.took * beta * Math.log(Math.random()) >= facts.expiresAt;
  }

  /** With the lease in hand. */
  #compute(lease: Lease): R {
    const began = performance.now();
    const isEarly = this.#known !== undefined;
    try {
      // Somebody may have finished between the look and the lease.
      if (!isEarly) this.#look();
      if (!isEarly && this.#known !== undefined) {
        lease.release();
        return answerOf(this.#known);
      }
      const result = this.#enter();
      if (isThenable(result)) return this.#meanwhile(this.#share(this.#settle(result, began, lease)));
      this.#keep(result, false, began);
      lease.release();
      return result;
    } catch (error) {
      lease.release();
      if (isEarly && this.#known !== undefined) return answerOf(this.#known);
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
    set(open(this.#key), this.#key, { value, promised, took: performance.now() - began } satisfies Result, stored);
  }

  async #settle(promise: PromiseLike<unknown>, began: number, lease: Lease): Promise<unknown> {
    try {
      const value = await promise;
      try {
        this.#keep(value, true, began);
      } catch (error) {
        // A store that was closed meanwhile can't remember it; whoever asked still gets it.
        if (!(error instanceof DiskCacheError) || error.code !== 'CLOSED') throw error;
      }
      return value;
    } finally {
      lease.release();
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
      this.#memo.open(this.#key);
      const turn = this.#myTurn();
      if (turn !== undefined) return await turn.answer;
    }
  }

  /** The answer, when the other process is done or gone. */
  #myTurn(): { readonly answer: R } | undefined {
    this.#look();
    if (this.#known !== undefined) return { answer: answerOf(this.#known) };
    const lease = isLeased(this.#core, this.#column) ? undefined : takeLease(this.#core, this.#column);
    return lease && { answer: this.#compute(lease) };
  }
}

const answerOf = <R>({ value, promised }: Result): R => (promised ? Promise.resolve(value) : value) as R;

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  isRecord(value) && 'then' in value && typeof value.then === 'function';
