import type { AbortSignalLike } from './options.ts';
import type { WatchedState } from './watched-state.ts';
import type { ChangeOrReset } from './wire.ts';

/** Where a watch gets its states from. */
export interface WatchSource<T> {
  readonly state: WatchedState<T>;
  /**
   * Calls `onChange` with every change from now on, and `onEnd` after the last one, with the reason if it is a failure. Returns an unsubscribe
   * function.
   */
  subscribe(onChange: (change: ChangeOrReset) => void, onEnd: (failure?: unknown) => void): () => void;
  /** Reads the present state. */
  read(): unknown;
  /** Returns whether a read failed because the connection was lost. The next connection then reports `reset`. */
  isInterruption(error: unknown): boolean;
}

type Result<T> = IteratorResult<T, undefined>;
type Reader<T> = (result: Result<T> | Promise<Result<T>>) => void;

const DONE: IteratorResult<never, undefined> = Object.freeze({ done: true, value: undefined });

/**
 * Iterates over the states of a value: the present one first, then one after each change. A reader that is slower than the changes gets only
 * the latest state. The iteration ends by `return`, by `signal`, or when its source ends; a failure rejects and ends it as well.
 *
 * Invariant: it is subscribed only between the first `next` and the end, and every `next` has settled by the end.
 */
export class LatestStates<T> implements AsyncIterableIterator<T, undefined> {
  readonly #source: WatchSource<T>;
  readonly #signal: AbortSignalLike | undefined;
  readonly #readers: Reader<T>[] = [];
  /** The changes since a read began. */
  #meanwhile: ChangeOrReset[] | undefined;
  #unsubscribe: (() => void) | undefined;
  /** Whether the state may differ from the one that was yielded last. */
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

  /** Yields a new state to the reader that has waited longest. */
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
    // The state is unknown again if changes without a value arrived while it was read: then it is read once more.
    this.#isNew = state.isUnknown;
    this.#readers.shift()!({ done: false, value });
  }

  #subscribe(): void {
    if (this.#hasEnded || this.#unsubscribe !== undefined) return;
    const unsubscribe = this.#source.subscribe(this.#onChange, this.#onEnd);
    if (this.#hasEnded) unsubscribe();
    else this.#unsubscribe = unsubscribe;
  }

  /** Reads the state. Returns false if the connection was lost: it is read again after a reconnect. */
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

  /** Returns the result after the end. A failure rejects once: the waiting reader or, if none waits, the next one. */
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
