import type { Key } from '../../protocol/key.ts';
import type { Range } from '../../protocol/options.ts';
import type { EntryRow, EntryStore } from './entry.ts';
import type { Observer } from './observer.ts';
import { startOnDemand } from './on-demand.ts';
import { getSharedObserver } from './shared-observers.ts';

/** Returns the observer of the entries of a range, in its order. */
export const observeEntries = <K extends Key, V>(
  store: EntryStore<K, V>,
  range: Range<K> = {},
): Observer<readonly EntryRow<K, V>[]> =>
  getSharedObserver<readonly EntryRow<K, V>[]>(
    store,
    ['entries', range],
    [],
    startOnDemand(async () => (await import('./follow-entries.ts')).followEntries(store as never, range) as never),
  );
