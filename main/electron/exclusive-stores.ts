import { app } from 'electron';

/**
 * Which stores are opened with `exclusive` unless their own options say otherwise. `'collections'`: all but caches, which the main
 * process may have to open as well when the engine runs in a utility process.
 */
export type ExclusiveStores = 'all' | 'collections' | 'none';

/**
 * Returns which stores a host opens with `exclusive`. If the application has not chosen: those that no other process of it needs, while
 * it holds the single-instance lock, because then it runs only once. The lock is looked up once: one that is requested later changes
 * nothing.
 */
export function chooseExclusiveStores(option: boolean | undefined, placement: 'main' | 'utility'): ExclusiveStores {
  if (option !== undefined) return option ? 'all' : 'none';
  if (!holdsSingleInstanceLock()) return 'none';
  return placement === 'utility' ? 'collections' : 'all';
}

/** Doubles of Electron in tests of applications may lack the method. */
const holdsSingleInstanceLock = (): boolean =>
  typeof app.hasSingleInstanceLock === 'function' && app.hasSingleInstanceLock();
