import { DiskCacheError } from '../protocol/error.ts';

/** After this time, loading a part has failed: its callers must not wait without end. */
const LOAD_TIMEOUT_MS = 15_000;

/**
 * Loads a part of deskcache that not every page needs. A later call tries again.
 *
 * @throws {DiskCacheError} `DISCONNECTED` if the part can't be loaded.
 */
export function loadPart<T>(part: string, load: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown) =>
      reject(
        new DiskCacheError(
          'DISCONNECTED',
          `The part "${part}" of deskcache/renderer can't be loaded (${String(cause)}). Ship all chunks, allow them in the CSP, or bundle one file`,
          { cause },
        ),
      );
    const timer = setTimeout(fail, LOAD_TIMEOUT_MS, 'no response');
    load()
      .then(resolve, fail)
      .finally(() => clearTimeout(timer));
  });
}

/** Loads the code that creates detailed errors. */
export const loadFaults = () => loadPart('faults', () => import('./faults.ts'));

/** Starts something as soon as its part is loaded. Returns a function that stops it; once stopped, it neither starts nor fails. */
export function startWhenLoaded<T>(
  loading: Promise<T>,
  start: (part: T) => () => void,
  onError: (error: unknown) => void,
): () => void {
  let isStopped = false;
  let stop: (() => void) | undefined;
  loading.then(
    (part) => {
      if (!isStopped) stop = start(part);
    },
    (error: unknown) => {
      if (!isStopped) onError(error);
    },
  );
  return () => {
    isStopped = true;
    stop?.();
  };
}

/** Settles as `work` does, or rejects with the signal's reason when it is aborted: the work may never end. */
export function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort);
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/** Throws the error in a microtask, so that it is reported as uncaught. */
export const rethrowLater = (error: unknown): void =>
  queueMicrotask(() => {
    throw error instanceof Error ? error : new DiskCacheError('DISCONNECTED', String(error));
  });
