import type { RemoteDeque } from '../../client/remote.ts';
import type { RemoteQueue } from '../../client/remote-queue.ts';
import type { Key } from '../../protocol/key.ts';
import type { Range } from '../../protocol/options.ts';
import {
  type ConnectionSource,
  type EntryRow,
  type EntryStore,
  type JobList,
  type JobsOptions,
  observeConnection,
  observeDeque,
  observeEntries,
  observeJobs,
} from '../bindings/index.ts';
import { diskCache } from '../index.ts';
import { type DataState, parseOptions, type SuspenseOptions, useObserver } from './use-observer.ts';

/** The entries of a range. */
export interface EntriesResult<K, V> extends DataState {
  /** In the order of the range; empty while it is loading. An entry is the same object until its value changes. */
  readonly entries: readonly EntryRow<K, V>[];
}

/**
 * Returns the entries of a range of a cache or an index, or all of them without a range, and follows their changes. The range is read once; then
 * only changes are sent. All changes of a frame cause one render. O(entries) for each.
 */
export function useEntries<K extends Key, V>(
  store: EntryStore<K, V>,
  range?: Range<NoInfer<K>>,
  options?: SuspenseOptions,
): EntriesResult<K, V> {
  const { suspense } = parseOptions('useEntries', options);
  const { value, ...state } = useObserver(observeEntries<K, V>(store, range), suspense);
  return { entries: value, ...state };
}

/** The values of a deque. */
export interface DequeResult<V> extends DataState {
  /** From the first to the last; empty while they are loading. */
  readonly values: readonly V[];
}

/** Returns the values of a deque, and follows its changes. The whole deque is read again after each change, so it should be short. */
export function useDeque<V>(deque: RemoteDeque<V>, options?: SuspenseOptions): DequeResult<V> {
  const { suspense } = parseOptions('useDeque', options);
  const { value, ...state } = useObserver(observeDeque(deque), suspense);
  return { values: value, ...state };
}

/** The jobs of a queue. */
export type JobsResult<T> = JobList<T> & DataState;

/** Returns the jobs of a queue with their states and progress, and the counts of all its jobs, and follows their changes. */
export function useJobs<T>(queue: RemoteQueue<T>, options?: JobsOptions & SuspenseOptions): JobsResult<T> {
  const { suspense, ...shown } = parseOptions('useJobs', options, 'states', 'limit');
  const { value, ...state } = useObserver(observeJobs(queue, shown), suspense);
  return { ...value, ...state };
}

/** Whether the application can reach the network. */
export interface ConnectionResult extends DataState {
  /** Whether the application can reach the network. Until the main process has answered, and without `host.offline`: `navigator.onLine`. */
  readonly online: boolean;
}

/** Returns whether the application can reach the network, as `source.connection` reports it, and follows changes. Never suspends. */
export function useConnection(source: ConnectionSource = diskCache): ConnectionResult {
  const { value, ...state } = useObserver(observeConnection(source), false);
  return { online: value, ...state };
}
