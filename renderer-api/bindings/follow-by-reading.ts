import type { OnError, StartObserving } from './observer.ts';

/**
 * Returns a function that reads. Only one read runs at a time; all calls during a read together cause one more. Ignores a lost connection: the
 * subscription then reports a reset, so that everything is read again, or its own error.
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

/** Follows data by reading it as a whole after each change. */
export const followByReading =
  <T>(store: ChangingStore, read: () => PromiseLike<T>): StartObserving<T> =>
  (show, fail) => {
    const refresh = createReader(read, (value) => show(() => value), fail);
    const unsubscribe = store.subscribe(refresh, { onError: fail });
    refresh();
    return unsubscribe;
  };
