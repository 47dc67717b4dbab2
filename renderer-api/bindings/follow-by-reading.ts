import type { OnError, StartObserving } from './observer.ts';

/**
 * Returns a function that reads: one read at a time, and one more for all calls in the meantime. An error of a lost connection is left to the
 * subscription, which then either reports a reset, so that everything is read again, or its own error.
 */
export function createReader<T>(
  read: () => PromiseLike<T>,
  onResult: (result: T) => void,
  onError: OnError,
): () => void {
  let isReading = false;
  let isStale = false;
  return async () => {
    isStale = true;
    if (isReading) return;
    isReading = true;
    try {
      while (isStale) {
        isStale = false;
        onResult(await read());
      }
    } catch (error) {
      if ((Object(error) as { readonly code?: unknown }).code !== 'DISCONNECTED') onError(error);
    }
    isReading = false;
  };
}

interface ChangingStore {
  subscribe(onChange: () => void, options: { readonly onError: OnError }): () => void;
}

/** Follows data that is read as a whole for changes. */
export const followByReading =
  <T>(store: ChangingStore, read: () => PromiseLike<T>): StartObserving<T> =>
  (show, fail) => {
    const refresh = createReader(read, (value) => show(() => value), fail);
    const unsubscribe = store.subscribe(refresh, { onError: fail });
    refresh();
    return unsubscribe;
  };
