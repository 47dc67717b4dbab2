import type { Observer, Snapshot } from './observer.ts';

/* What the bindings of Vue and Svelte share: there the key can change, or be missing, during the life of a component. */

/** The snapshot while the key is undefined. Only entries allow that, and their value may be undefined. */
export const IDLE: Snapshot<never> = { value: undefined as never, error: undefined, isLoading: false };

/** Resolves when the current observer has loaded. Rejects with its error if the data can't be read. */
export async function waitUntilLoaded(getObserver: () => Observer<unknown> | undefined): Promise<void> {
  let observer: Observer<unknown> | undefined;
  do {
    observer = getObserver();
    await observer?.getSettled();
    // Another key may have another observer by now, or it may load again.
  } while (observer !== getObserver() || observer?.getSnapshot().isLoading);
  const error = observer?.getSnapshot().error;
  if (error !== undefined) throw error;
}
