import type { Key } from '../../protocol/key.ts';
import type { Range, SubscribeOptions } from '../../protocol/options.ts';
import type { EntryStore } from './entry.ts';
import { createReader } from './follow-by-reading.ts';
import { getIdentity } from './key-identity.ts';
import type { Observer } from './observer.ts';
import { getSharedObserver } from './shared-observers.ts';
import { followValues } from './value-changes.ts';

/** An item with its key. It is the same object until its value changes. */
export type EntryRow<K, V> = readonly [key: K, value: V];

type Rows = Map<string, EntryRow<Key, unknown>>;

const NO_ROWS: readonly never[] = [];

/** Returns the observer of the items of a range, in its order. Changes are applied to the items that were read; the range isn't read again. */
export const observeEntries = <K extends Key, V>(
  store: EntryStore<K, V>,
  range: Range<K> = {},
): Observer<readonly EntryRow<K, V>[]> =>
  getSharedObserver<readonly EntryRow<K, V>[]>(store, ['entries', range], NO_ROWS, (show, fail) => {
    const { prefix, from, to, tag, order, reverse, limit = Infinity } = range;
    /** In ascending order; undefined before the first read and after a failed one. */
    let rows: Rows | undefined;
    /** What came while the range is being read, and is not in its result. */
    let waiting: (() => void)[] | undefined;
    let isSorted = true;
    /** NaN: not known. The range is read again then, also if this part can't be loaded. */
    let compare = (..._keys: unknown[]): number => Number.NaN;
    if (order === 'key') {
      import('./key-order.ts').then(
        ({ compareKeys }) => {
          compare = compareKeys;
        },
        () => {},
      );
    }

    const read = createReader(
      () => {
        waiting = [];
        return store.entries(range as never) as PromiseLike<EntryRow<Key, unknown>[]>;
      },
      (items) => {
        if (reverse) items.reverse();
        rows = new Map(items.map((item) => [getIdentity(item[0]), item]));
        isSorted = true;
        const changes = waiting!;
        waiting = undefined;
        for (const apply of changes) apply();
        show(getRows);
      },
      (error) => {
        rows = waiting = undefined;
        fail(error);
      },
    );

    function change(key: Key, value: unknown, exists: boolean): void {
      if (waiting !== undefined) return void waiting.push(() => change(key, value, exists));
      if (rows === undefined) return;
      const name = getIdentity(key);
      const isKnown = rows.has(name);
      const isFull = rows.size >= limit;
      // Another item takes the place of a deleted one. One that is set is the last now, or was there before and is not among the last.
      if (isFull && (exists ? !isKnown && reverse && order !== 'key' : isKnown)) return void read();
      if (exists) {
        rows.set(name, [key, value]);
        isSorted &&= isKnown || order !== 'key';
      } else rows.delete(name);
      show(getRows);
    }

    function getRows(): readonly EntryRow<K, V>[] {
      if (!isSorted || rows!.size > limit) {
        const items = [...rows!];
        let isUncertain = false;
        if (!isSorted) {
          items.sort(([, [one]], [, [other]]) => {
            const result = compare(one, other);
            isUncertain ||= Number.isNaN(result);
            return result;
          });
        }
        isSorted = true;
        rows = new Map(reverse ? items.slice(-limit) : items.slice(0, limit));
        if (isUncertain) read();
      }
      const shown = [...rows!.values()] as unknown as EntryRow<K, V>[];
      return reverse ? shown.reverse() : shown;
    }

    // Changes don't tell tags.
    return followValues(store, { prefix, from, to } as SubscribeOptions, fail, tag === undefined ? change : read, read);
  });
