/* Declared here, because adapters are compiled without the types of Node and of the DOM. */
declare function setTimeout(callback: () => void, ms: number): unknown;

/** Combines writes: of several waiting values only the last is written. */
export interface ThrottledWrites<T> {
  /** Writes the value, or a later one in its place. Settles as that write does. */
  write(value: T): Promise<void>;
  /** Writes a waiting value at once. Resolves when everything is written. */
  flush(): Promise<void>;
  /** Drops a waiting value. Its promise resolves. */
  drop(): void;
}

interface WaitingWrite<T> {
  readonly value: T;
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Writes the first value at once, and then the last value of each interval. Within an interval a write begins only when the one before it has
 * ended, so that an older value never replaces a newer one. With `intervalMs` 0 every value is written at once.
 */
export function throttleWrites<T>(intervalMs: number, write: (value: T) => Promise<void>): ThrottledWrites<T> {
  let waiting: WaitingWrite<T> | undefined;
  let running: Promise<unknown> = Promise.resolve();
  /** Within an interval, or while a write runs. */
  let isBusy = false;
  let writeCount = 0;

  function writeNow(value: T): Promise<void> {
    const count = ++writeCount;
    const written = write(value);
    running = written.then(ignore, ignore);
    if (intervalMs === 0) return written;
    isBusy = true;
    const interval = new Promise<void>((resolve) => setTimeout(resolve, intervalMs));
    void Promise.all([running, interval]).then(() => {
      if (count === writeCount) writeWaiting();
    });
    return written;
  }

  function writeWaiting(): void {
    const next = waiting;
    waiting = undefined;
    isBusy = false;
    if (next !== undefined) writeNow(next.value).then(next.resolve, next.reject);
  }

  return {
    write(value) {
      if (!isBusy) return writeNow(value);
      waiting = waiting === undefined ? createWaitingWrite(value) : { ...waiting, value };
      return waiting.promise;
    },
    async flush() {
      await running;
      if (waiting === undefined) return;
      const { promise } = waiting;
      writeWaiting();
      await promise;
    },
    drop() {
      waiting?.resolve();
      waiting = undefined;
    },
  };
}

function createWaitingWrite<T>(value: T): WaitingWrite<T> {
  let settle!: Pick<WaitingWrite<T>, 'resolve' | 'reject'>;
  const promise = new Promise<void>((resolve, reject) => {
    settle = { resolve, reject };
  });
  return { value, promise, ...settle };
}

const ignore = (): void => undefined;
