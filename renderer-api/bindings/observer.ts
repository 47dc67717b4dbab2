/** What a component shows. A change replaces it by another object. While there is an `error`, `value` keeps the last known value. */
export interface Snapshot<T> {
  readonly value: T;
  /** Why the data can't be read; undefined if it can. */
  readonly error: unknown;
  /** Whether the first read has neither succeeded nor failed yet. */
  readonly isLoading: boolean;
}

/**
 * The data of one key, range, path, deque or queue, for any number of components of a page. It is followed from the first use until a moment
 * after the last. Values that this page is writing are shown at once, in place of those of the store.
 */
export interface Observer<T> {
  /** Returns what to show now: the same object until something changes. The first call starts to read. */
  getSnapshot(): Snapshot<T>;
  /** Returns what to show where nothing can be read: on a server, and while a page hydrates what a server has rendered. */
  getServerSnapshot(): Snapshot<T>;
  /** Calls `listener`, a different function for each subscription, when there is a new snapshot. Returns an unsubscribe function. */
  subscribe(listener: () => void): () => void;
  /** Resolves with the next snapshot, or at once if nothing is loading. */
  getSettled(): Promise<void>;
  /** Reads and follows again after an error. */
  retry(): void;
  /**
   * Shows `value` while `write` stores it, and the stored value again if that fails. `read` reads the stored value; it is called if the store has
   * changed during the write. Settles as `write` does.
   */
  write<R>(value: T, write: () => Promise<R>, read: () => T | Promise<T>): Promise<R>;
  /** Ends reading and following. The next use starts again. */
  dispose(): void;
}

/** Shows the result of `compute`: at once with `isNow`, otherwise with the next notification, at most one per frame. */
type Show<T> = (compute: () => T, isNow?: boolean) => void;

export type OnError = (error: unknown) => void;

/** Begins to read the data and to follow its changes. Returns a function that ends both. */
export type StartObserving<T> = (show: Show<T>, fail: OnError) => () => void;

const FRAME_MS = 16;
/** How long an observer stays after its last listener was removed: for remounts, StrictMode, and components that wait in Suspense. */
const LINGER_MS = 1000;
/** After an error it stays only until a component has shown it, so that an error boundary that is reset reads again. */
const LINGER_AFTER_ERROR_MS = 100;

export function createObserver<T>(initial: T, start: StartObserving<T>, onEnd?: () => void): Observer<T> {
  const first: Snapshot<T> = { value: initial, error: undefined, isLoading: true };
  const listeners = new Set<() => void>();
  let snapshot = first;
  /** The last value of the store that was shown or could have been. */
  let stored = initial;
  let compute = () => initial;
  /** Counts the changes of the store. By it a write notices whether its own value is still the last one. */
  let changeCount = 0;
  /** The writes of this page that are under way, oldest first. */
  let writes: { readonly value: T }[] = [];
  let stop: (() => void) | undefined;
  let frame: ReturnType<typeof setTimeout> | undefined;
  let shownAt = 0;
  let lingering: ReturnType<typeof setTimeout> | undefined;

  function begin(): void {
    if (stop !== undefined) return;
    let isEnded = false;
    let end: (() => void) | undefined;
    stop = () => {
      isEnded = true;
      end?.();
    };
    end = start(
      (next, isNow) => {
        if (isEnded) return;
        changeCount++;
        compute = next;
        if (isNow) flush();
        else frame ??= setTimeout(flush, Math.max(0, shownAt + FRAME_MS - performance.now()));
      },
      (error) => isEnded || fail(error),
    );
  }

  function end(): void {
    clearTimeout(frame);
    clearTimeout(lingering);
    frame = undefined;
    stop?.();
    stop = undefined;
  }

  function flush(): void {
    clearTimeout(frame);
    frame = undefined;
    shownAt = performance.now();
    stored = compute();
    replace({ error: undefined, isLoading: false });
  }

  function fail(error: unknown): void {
    clearTimeout(frame);
    frame = undefined;
    replace({ error, isLoading: false });
  }

  /** Shows the value that is being written, or else the stored one. */
  function replace(change?: Omit<Snapshot<T>, 'value'>): void {
    const { value } = writes.at(-1) ?? { value: stored };
    const next = { ...snapshot, ...change, value };
    if (Object.is(value, snapshot.value) && next.error === snapshot.error && next.isLoading === snapshot.isLoading)
      return;
    snapshot = next;
    linger();
    for (const listener of listeners) listener();
  }

  /** Ends the observer in a moment, unless there is a listener by then. */
  function linger(): void {
    clearTimeout(lingering);
    if (listeners.size > 0) return;
    lingering = setTimeout(dispose, snapshot.error === undefined ? LINGER_MS : LINGER_AFTER_ERROR_MS);
  }

  function dispose(): void {
    end();
    onEnd?.();
  }

  function getSnapshot(): Snapshot<T> {
    begin();
    return snapshot;
  }

  function subscribe(listener: () => void): () => void {
    listeners.add(listener);
    clearTimeout(lingering);
    begin();
    return () => {
      listeners.delete(listener);
      linger();
    };
  }

  return {
    getSnapshot,
    getServerSnapshot: () => first,
    subscribe,
    getSettled: () =>
      new Promise((resolve) => {
        if (!getSnapshot().isLoading) return resolve();
        const stop = subscribe(() => {
          stop();
          resolve();
        });
      }),
    retry() {
      end();
      replace({ error: undefined, isLoading: true });
      begin();
    },
    async write(value, write, read) {
      begin();
      const own = { value };
      const before = changeCount;
      writes.push(own);
      replace();
      try {
        const result = await write();
        const changes = changeCount;
        try {
          const now = changes === before ? value : await read();
          // Unless something newer was delivered, or a later write has succeeded.
          if (changeCount === changes && writes.includes(own)) {
            stored = now;
            compute = () => now;
          }
        } catch (error) {
          fail(error);
        }
        // This write covers the earlier ones, also those that haven't been answered yet.
        writes.splice(0, writes.indexOf(own));
        return result;
      } finally {
        writes = writes.filter((it) => it !== own);
        // Also shows what was delivered in this frame, so that no older value is seen.
        if (frame === undefined) replace();
        else flush();
      }
    },
    dispose,
  };
}
