import { DiskCacheError } from '../protocol/error.ts';
import type { Key } from '../protocol/key.ts';
import { LatestStates } from '../protocol/latest-states.ts';
import type { AbortSignalLike, Range, SubscribeOptions, WatchOptions } from '../protocol/options.ts';
import {
  createEntriesState,
  KeyState,
  ReadState,
  toSubscribeOptions,
  type WatchedState,
} from '../protocol/watched-state.ts';
import type { ChangeOrReset } from '../protocol/wire.ts';

/** The methods of a page's store that a watch uses. */
export interface WatchableStore {
  subscribe(
    listener: (change: ChangeOrReset) => void,
    options: SubscribeOptions & { readonly onError: (error: unknown) => void },
  ): () => void;
  get(key: Key): Promise<unknown>;
  getMany(keys: readonly Key[]): Promise<readonly unknown[]>;
  entries(range: Range): PromiseLike<unknown>;
  values(): PromiseLike<unknown>;
}

/**
 * Starts `watch` or `watchMany` of a store. `watch` of a deque takes no key: its first argument is the options.
 *
 * @throws {DiskCacheError} `BAD_OPTION`
 */
export function watch(
  store: WatchableStore,
  isConnected: () => boolean,
  method: string,
  [first, second]: readonly unknown[],
): LatestStates<unknown> {
  const iterate = (
    state: WatchedState<unknown>,
    options: SubscribeOptions,
    read: () => unknown,
    signal: AbortSignalLike | undefined,
  ) =>
    new LatestStates(
      {
        state,
        subscribe: (onChange, onError) => store.subscribe(onChange, { ...options, onError }),
        read,
        // The subscription reconnects and then reports `reset`, or reports why it can't.
        isInterruption: () => !isConnected(),
      },
      signal,
    );

  if (method === 'watchMany') {
    const range = copy(first ?? {}) as Range;
    const state = createEntriesState(range);
    return iterate(state, toSubscribeOptions(range, state), () => store.entries(range), parseSignal(second));
  }
  if (first === undefined || isSignal(Object(first).signal))
    return iterate(new ReadState(), {}, () => store.values(), parseSignal(first));
  const key = copy(first) as Key;
  return iterate(new KeyState(), { key, values: true }, () => readKey(store, key), parseSignal(second));
}

/**
 * Reads by `getMany`, which bypasses the near cache: that may still hold the value from before a reported change. Only a value that is too
 * large for `getMany` is read by `get`.
 */
const readKey = (store: WatchableStore, key: Key): Promise<unknown> =>
  store.getMany([key]).then(
    ([value]) => value,
    (error: unknown) => {
      if (!(error instanceof DiskCacheError) || error.code !== 'TOO_LARGE') throw error;
      return store.get(key);
    },
  );

/** Copies an argument, which the caller may change later. What can't be copied is refused, with the reason, when it is sent. */
function copy(argument: unknown): unknown {
  try {
    return structuredClone(argument);
  } catch {
    return argument;
  }
}

const isSignal = (value: unknown): value is AbortSignalLike =>
  typeof (Object(value) as Partial<AbortSignalLike>).addEventListener === 'function';

/** @throws {DiskCacheError} `BAD_OPTION` */
function parseSignal(options: unknown): AbortSignalLike | undefined {
  const { signal, ...others } = Object(options) as WatchOptions;
  const [unknown] = Object.keys(others);
  if ((signal === undefined || isSignal(signal)) && unknown === undefined) return signal;
  throw new DiskCacheError(
    'BAD_OPTION',
    `${unknown === undefined ? 'signal is not an AbortSignal' : `unknown option "${unknown}"`}; watch takes { signal }`,
  );
}
