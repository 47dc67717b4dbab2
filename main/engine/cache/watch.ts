import type { Key } from '../../../protocol/key.ts';
import { LatestStates, type WatchSource } from '../../../protocol/latest-states.ts';
import type { Range, SubscribeOptions, WatchOptions } from '../../../protocol/options.ts';
import { createEntriesState, ReadState, toSubscribeOptions } from '../../../protocol/watched-state.ts';
import type { ChangeListener, ReadLive } from '../state/core.ts';
import { assertOptions, assertSignal } from '../validate.ts';
import { encodeKey } from '../values/key.ts';
import { parseRange } from './range.ts';

/** The methods of a store that a watch uses. */
export interface WatchableStore {
  /** `onEnd` is called when the store is closed. */
  subscribe(listener: ChangeListener, options: SubscribeOptions, onEnd: () => void): () => void;
  readonly read: ReadLive;
  entries(range: Range): Iterable<readonly [Key, unknown]>;
}

const WATCH_OPTIONS: ReadonlySet<string> = new Set(['signal']);

/** @throws {DiskCacheError} `BAD_OPTION` */
function iterate<T>(
  source: Omit<WatchSource<T>, 'isInterruption'>,
  options: WatchOptions | undefined,
): LatestStates<T> {
  const { signal } = assertOptions(options, WATCH_OPTIONS);
  assertSignal(signal as AbortSignal | undefined);
  return new LatestStates({ ...source, isInterruption: () => false }, signal);
}

/** Iterates over the values of a key, which is read on each `next`. @throws {DiskCacheError} `BAD_KEY`, `BAD_OPTION` */
export function watchKey(store: WatchableStore, key: Key, options?: WatchOptions): LatestStates<unknown> {
  encodeKey(key);
  return iterate(
    {
      state: new ReadState(),
      subscribe: (onChange, onEnd) => store.subscribe(onChange, { key }, onEnd),
      read: () => store.read(key)?.value,
    },
    options,
  );
}

/** Iterates over the entries of a range, which are read once and updated by changes. @throws {DiskCacheError} `BAD_KEY`, `BAD_OPTION` */
export function watchRange(store: WatchableStore, range: Range = {}, options?: WatchOptions): LatestStates<unknown> {
  parseRange(range);
  const state = createEntriesState(range);
  return iterate(
    {
      state,
      subscribe: (onChange, onEnd) => store.subscribe(onChange, toSubscribeOptions(range, state), onEnd),
      read: () => [...store.entries(range)],
    },
    options,
  );
}

/** Iterates over the results of `read`: one at first, then one after each change. @throws {DiskCacheError} `BAD_OPTION` */
export const watchAll = (
  subscribe: (onChange: ChangeListener, onEnd: () => void) => () => void,
  read: () => unknown,
  options?: WatchOptions,
): LatestStates<unknown> => iterate({ state: new ReadState(), subscribe, read }, options);
