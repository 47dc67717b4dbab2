import { DiskCacheError } from '../../protocol/error.ts';

/** Milliseconds. A part that has not come by then is taken for lost, and what waited for it goes on. */
const LOAD_TIMEOUT_MS = 15_000;

/**
 * Loads a part of deskcache that not every page needs. A later call tries again.
 *
 * @throws {DiskCacheError} `DISCONNECTED` where the part can't be loaded.
 */
export function loadPart<T>(part: string, load: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown) =>
      reject(
        new DiskCacheError(
          'DISCONNECTED',
          `The part "${part}" of deskcache/renderer could not be loaded (${String(cause)}). Ship all chunks, allow them in the page's CSP (script-src 'self'), or bundle the page into one file`,
          { cause },
        ),
      );
    const timer = setTimeout(fail, LOAD_TIMEOUT_MS, `nothing came for ${LOAD_TIMEOUT_MS} ms`);
    load()
      .then(resolve, fail)
      .finally(() => clearTimeout(timer));
  });
}

/**
 * Starts something as soon as its part is loaded. Returns a function that stops it, or keeps it from being started; then `onError` hears
 * nothing any more.
 */
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

/** What comes of the work, or as soon as one of the signals is aborted, its reason: the work may never end. */
export function unlessAborted<T>(work: Promise<T>, ...signals: readonly AbortSignal[]): Promise<T> {
  return new Promise((resolve, reject) => {
    const aborted = () => reject(signals.find((signal) => signal.aborted)?.reason);
    for (const signal of signals) {
      if (signal.aborted) aborted();
      signal.addEventListener('abort', aborted, { once: true });
    }
    work.then(resolve, reject).finally(() => {
      for (const signal of signals) signal.removeEventListener('abort', aborted);
    });
  });
}

/** What nobody handles is reported as uncaught. */
export const rethrowLater = (error: unknown): void =>
  queueMicrotask(() => {
    throw error instanceof Error ? error : new DiskCacheError('DISCONNECTED', String(error));
  });
