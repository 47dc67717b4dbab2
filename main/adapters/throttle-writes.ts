/* Timers are neither Node's nor the page's here, but of both. */
declare function setTimeout(callback: () => void, ms: number): unknown;

/** Writes that are combined. */
export interface ThrottledWrites<T> {
  /** Writes a value, or a later one in its place; resolves when that is done, and rejects if it failed. */
  write(value: T): Promise<void>;
  /** Writes at once what still waits, and resolves when all is written. */
  flush(): Promise<void>;
  /** Forgets what still waits; its promises resolve. */
  drop(): void;
}

interface WaitingWrite<T> {
  readonly value: T;
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Writes the first value at once, and then the last one of each interval. A write begins only when the one before it has ended, so that an
 * older value never replaces a newer one. Without an interval every value is written at once.
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
