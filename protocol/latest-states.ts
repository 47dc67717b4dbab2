import type { AbortSignalLike } from './options.ts';
import type { WatchedState } from './watched-state.ts';
import type { ChangeOrReset } from './wire.ts';

/** Where a watch gets its states from. */
export interface WatchSource<T> {
  readonly state: WatchedState<T>;
  /**
   * Calls `onChange` with every change from now on, and `onEnd` when there will be no more, with the reason if that is a failure. Returns
   * an unsubscribe function.
   */
  subscribe(onChange: (change: ChangeOrReset) => void, onEnd: (failure?: unknown) => void): () => void;
  /** Reads the present state. */
  read(): unknown;
  /** Returns whether a read failed because the connection was lost; the next one reports `reset`. */
  isInterruption(error: unknown): boolean;
}

type Result<T> = IteratorResult<T, undefined>;
type Reader<T> = (result: Result<T> | Promise<Result<T>>) => void;

const DONE: IteratorResult<never, undefined> = Object.freeze({ done: true, value: undefined });

/**
 * Iterates over the states of something: the present one first, then one after each change. A reader that is slower than the changes gets
 * the latest state, and never two at once. It ends by `return`, by `signal`, or with its source; a failure rejects, and ends it, too.
 *
 * Invariant: nothing is subscribed before the first `next`, nor after the end; every `next` settles by then.
 */
export class LatestStates<T> implements AsyncIterableIterator<T, undefined> {
  readonly #source: WatchSource<T>;
  readonly #signal: AbortSignalLike | undefined;
  readonly #readers: Reader<T>[] = [];
  /** The changes since a read began. */
  #meanwhile: ChangeOrReset[] | undefined;
  #unsubscribe: (() => void) | undefined;
  /** The state isn't that of the last `next` any more. */
  #isNew = true;
  #isBusy = false;
  #hasEnded = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(source: WatchSource<T>, signal?: AbortSignalLike) {
    this.#source = source;
    this.#signal = signal;
    signal?.addEventListener('abort', this.#onAbort);
    if (signal?.aborted) this.#end();
  }

  next(): Promise<Result<T>> {
    if (this.#hasEnded) return this.#takeFailure();
    return new Promise((resolve) => {
      this.#readers.push(resolve);
      this.#advance();
    });
  }

  return(): Promise<Result<T>> {
    this.#end();
    this.#failure = undefined;
    return Promise.resolve(DONE);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  readonly #onAbort = () => this.#end();

  /** Gives the first reader the next state, if there is a new one. */
  #advance(): void {
    if (this.#isBusy || !this.#isNew || this.#readers.length === 0) return;
    this.#isBusy = true;
    // In a turn of its own: inside a transaction it would read what may be rolled back.
    Promise.resolve()
      .then(() => this.#giveState())
      .then(
        () => {
          this.#isBusy = false;
          this.#advance();
        },
        (error: unknown) => this.#end({ error }),
      );
  }

  async #giveState(): Promise<void> {
    this.#subscribe();
    const { state } = this.#source;
    if (state.isUnknown && !(await this.#read())) return;
    if (this.#readers.length === 0) return;
    const value = state.get();
    // Unknown again if changes were lost, or carried no value, while it was read: the next one is read again.
    this.#isNew = state.isUnknown;
    this.#readers.shift()!({ done: false, value });
  }

  #subscribe(): void {
    if (this.#hasEnded || this.#unsubscribe !== undefined) return;
    const unsubscribe = this.#source.subscribe(this.#onChange, this.#onEnd);
    if (this.#hasEnded) unsubscribe();
    else this.#unsubscribe = unsubscribe;
  }

  /** Reads the state; returns false if the connection was lost, and the state is read when it is there again. */
  async #read(): Promise<boolean> {
    if (this.#hasEnded) return false;
    const meanwhile: ChangeOrReset[] = [];
    this.#meanwhile = meanwhile;
    try {
      this.#source.state.load(await this.#source.read(), meanwhile);
      return true;
    } catch (error) {
      if (!this.#source.isInterruption(error)) throw error;
      this.#isNew = meanwhile.length > 0;
      return false;
    } finally {
      this.#meanwhile = undefined;
    }
  }

  readonly #onChange = (change: ChangeOrReset): void => {
    this.#isNew = true;
    if (this.#meanwhile !== undefined) this.#meanwhile.push(change);
    else this.#source.state.apply(change);
    this.#advance();
  };

  readonly #onEnd = (failure?: unknown): void => this.#end(failure === undefined ? undefined : { error: failure });

  /** A failure that no reader was waiting for is that of the next one. */
  #takeFailure(): Promise<Result<T>> {
    const failure = this.#failure;
    this.#failure = undefined;
    return failure === undefined ? Promise.resolve(DONE) : Promise.reject(failure.error);
  }

  #end(failure?: { readonly error: unknown }): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#unsubscribe?.();
    this.#failure = failure;
    for (const settle of this.#readers.splice(0)) settle(this.#takeFailure());
  }
}
