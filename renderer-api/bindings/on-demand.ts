import { DiskCacheError } from '../index.ts';
import type { StartObserving } from './observer.ts';

/** Observes by code that is loaded with the first use, because not every page needs it. */
export const startOnDemand =
  <T>(load: () => Promise<StartObserving<T>>): StartObserving<T> =>
  (show, fail) => {
    let isEnded = false;
    let stop: (() => void) | undefined;
    load()
      .then((start) => {
        if (!isEnded) stop = start(show, fail);
      })
      .catch((cause: unknown) =>
        fail(
          cause instanceof DiskCacheError
            ? cause
            : new DiskCacheError('DISCONNECTED', `Can't load a part of the bindings (${cause}); ship all chunks`, {
                cause,
              }),
        ),
      );
    return () => {
      isEnded = true;
      stop?.();
    };
  };
