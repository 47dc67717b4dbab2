import { ignoreDisconnected, subscribeOrFail } from './failures.ts';
import type { StartObserving } from './observer.ts';

/** Follows data that is read as a whole for changes: one read at a time, and one more for all changes in the meantime. */
export const followByReading =
  <T>(
    read: () => PromiseLike<T>,
    subscribe: (onChange: () => void, options: { readonly onError: (error: unknown) => void }) => () => void,
  ): StartObserving<T> =>
  ({ show, fail }) => {
    let isReading = false;
    let isStale = false;
    let isEnded = false;

    async function refresh(): Promise<void> {
      isStale = true;
      if (isReading) return;
      isReading = true;
      try {
        while (isStale && !isEnded) {
          isStale = false;
          const value = await read();
          show(() => value);
        }
      } catch (error) {
        isStale = false;
        ignoreDisconnected(fail)(error);
      }
      isReading = false;
    }

    const unsubscribe = subscribeOrFail(fail, () => subscribe(() => void refresh(), { onError: fail }));
    void refresh();
    return () => {
      isEnded = true;
      unsubscribe();
    };
  };
