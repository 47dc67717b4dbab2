/** What a component shows. It is replaced, never changed; `value` is the last known one while there is an `error`. */
export interface Snapshot<T> {
  readonly value: T;
  /** Why the data can't be read; undefined while all is well. */
  readonly error: unknown;
  /** Nothing was read yet, and nothing failed. */
  readonly isLoading: boolean;
}

/** Receives what an observer has to show. */
export interface Sink<T> {
  /** Shows what `compute` returns with the next notification; there is at most one for each frame. */
  show(compute: () => T): void;
  /** Shows a value at once. */
  showNow(value: T): void;
  fail(error: unknown): void;
}

/** Begins to read the data and to follow its changes. Returns a function that ends both. */
export type StartObserving<T> = (sink: Sink<T>) => () => void;

const FRAME_MS = 16;
/** How long an observer stays after its last listener has left: for remounts, StrictMode, and components that wait in Suspense. */
const LINGER_MS = 1000;
/** After an error it only stays until a component has shown it, so that an error boundary that is reset reads again. */
const LINGER_AFTER_ERROR_MS = 100;

/**
 * The data of one key, range, path, deque or queue, for any number of components of a page. It starts with its first use and ends a moment
 * after the last. Values that this page is writing are shown at once, over those of the store.
 */
export class Observer<T> {
  readonly #start: StartObserving<T>;
  readonly #onEnd: ((ended: Observer<T>) => void) | undefined;
  readonly #listeners = new Set<() => void>();
  #snapshot: Snapshot<T>;
  #compute: (() => T) | undefined;
  /** The value of the store. */
  #stored: T;
  /** Of the store. A write compares it, to know whether its own value is still the last one. */
  #changeCount = 0;
  #writeCount = 0;
  /** The number of the last write whose value is that of the store, as far as this page knows. */
  #shownWrite = 0;
  /** What this page is writing, oldest first. */
  readonly #writes: { readonly value: T }[] = [];
  #stop: (() => void) | undefined;
  #frame: ReturnType<typeof setTimeout> | undefined;
  #shownAt = 0;
  #lingering: ReturnType<typeof setTimeout> | undefined;
  #settled: Promise<void> | undefined;
  #settle: (() => void) | undefined;

  constructor(initial: T, start: StartObserving<T>, onEnd?: (ended: Observer<T>) => void) {
    this.#stored = initial;
    this.#snapshot = { value: initial, error: undefined, isLoading: true };
    const first = this.#snapshot;
    this.getServerSnapshot = () => first;
    this.#start = start;
    this.#onEnd = onEnd;
  }

  /** Returns what to show now: the same object until something changes. The first call starts to read. */
  readonly getSnapshot = (): Snapshot<T> => {
    this.#begin();
    return this.#snapshot;
  };

  /** Returns what to show where nothing can be read: on a server, and in a page that continues what a server has rendered. */
  readonly getServerSnapshot: () => Snapshot<T>;

  /** Calls `listener` when there is another snapshot. Returns an unsubscribe function. */
  readonly subscribe = (listener: () => void): (() => void) => {
    const own = () => listener();
    this.#listeners.add(own);
    clearTimeout(this.#lingering);
    this.#begin();
    return () => {
      this.#listeners.delete(own);
      this.#linger();
    };
  };

  /** Resolves when nothing is loading any more: there is a value or an error. */
  get settled(): Promise<void> {
    this.#settled ??= new Promise((resolve) => {
      this.#settle = resolve;
      if (!this.getSnapshot().isLoading) resolve();
    });
    return this.#settled;
  }

  /** Reads and follows again after an error. */
  readonly retry = (): void => {
    this.#end();
    this.#replace({ ...this.#snapshot, error: undefined, isLoading: true });
    this.#begin();
  };

  /**
   * Shows `value` while `write` stores it, and again the value of the store if that fails. `read` returns what is stored; it is called if
   * the store has changed in the meantime. Settles as `write` does.
   */
  async write<R>(value: T, write: () => Promise<R>, read: () => T | Promise<T>): Promise<R> {
    this.#begin();
    const own = { value };
    const number = ++this.#writeCount;
    const before = this.#changeCount;
    this.#writes.push(own);
    this.#showWrites();
    try {
      const result = await write();
      const changes = this.#changeCount;
      try {
        const stored = changes === before ? value : await read();
        // Unless something newer was delivered or written in the meantime.
        if (this.#changeCount === changes && number > this.#shownWrite) {
          this.#shownWrite = number;
          this.#stored = stored;
          this.#compute = () => stored;
        }
      } catch (error) {
        this.#fail(error);
      }
      // Earlier writes are below this one, also those that haven't been answered yet.
      this.#writes.splice(0, this.#writes.indexOf(own));
      return result;
    } finally {
      const at = this.#writes.indexOf(own);
      if (at >= 0) this.#writes.splice(at, 1);
      // What was delivered in this frame comes with it, so that nothing older is seen.
      if (this.#frame === undefined) this.#showWrites();
      else this.#flush();
    }
  }

  /** Ends reading and following. The next use starts again. */
  dispose(): void {
    this.#end();
    this.#settle?.();
    this.#onEnd?.(this);
  }

  #begin(): void {
    if (this.#stop !== undefined) return;
    let isEnded = false;
    let stop: (() => void) | undefined;
    this.#stop = () => {
      isEnded = true;
      stop?.();
    };
    stop = this.#start({
      show: (compute) => {
        if (isEnded) return;
        this.#changeCount++;
        this.#compute = compute;
        this.#frame ??= setTimeout(this.#flush, Math.max(0, this.#shownAt + FRAME_MS - performance.now()));
      },
      showNow: (value) => {
        if (isEnded) return;
        this.#changeCount++;
        this.#compute = () => value;
        this.#flush();
      },
      fail: (error) => {
        if (!isEnded) this.#fail(error);
      },
    });
  }

  #end(): void {
    clearTimeout(this.#frame);
    clearTimeout(this.#lingering);
    this.#frame = undefined;
    this.#stop?.();
    this.#stop = undefined;
  }

  readonly #flush = (): void => {
    clearTimeout(this.#frame);
    this.#frame = undefined;
    this.#shownAt = performance.now();
    this.#stored = this.#compute!();
    if (this.#snapshot.isLoading || this.#snapshot.error !== undefined)
      this.#replace({ value: this.#getShown(), error: undefined, isLoading: false });
    else this.#showWrites();
  };

  readonly #getShown = (): T => (this.#writes.at(-1) ?? { value: this.#stored }).value;

  #showWrites(): void {
    const value = this.#getShown();
    if (!Object.is(value, this.#snapshot.value)) this.#replace({ ...this.#snapshot, value });
  }

  #fail(error: unknown): void {
    this.#replace({ ...this.#snapshot, error, isLoading: false });
  }

  #replace(snapshot: Snapshot<T>): void {
    this.#snapshot = snapshot;
    if (!snapshot.isLoading) {
      this.#settle?.();
      this.#settled = undefined;
      this.#linger();
    }
    for (const listener of [...this.#listeners]) listener();
  }

  #linger(): void {
    clearTimeout(this.#lingering);
    // A component that waits in Suspense comes when loading has ended.
    if (this.#listeners.size > 0 || this.#snapshot.isLoading) return;
    const lingerMs = this.#snapshot.error === undefined ? LINGER_MS : LINGER_AFTER_ERROR_MS;
    this.#lingering = setTimeout(() => this.dispose(), lingerMs);
  }
}
