import type { Key } from '../../protocol/key.ts';
import type { Range, SubscribeOptions } from '../../protocol/options.ts';
import type { EntryStore } from './entry.ts';
import { ignoreDisconnected } from './failures.ts';
import { getIdentity } from './key-identity.ts';
import { compareKeys } from './key-order.ts';
import type { Observer } from './observer.ts';
import { getSharedObserver } from './shared-observers.ts';
import { subscribeToValues } from './value-changes.ts';

/** An item with its key. It is the same object until its value changes. */
export type EntryRow<K, V> = readonly [key: K, value: V];

type Rows = Map<string, EntryRow<Key, unknown>>;

const NO_ROWS: readonly never[] = [];

/** Returns the observer of the items of a range, in its order. Changes are applied to the items that were read; the range isn't read again. */
export const observeEntries = <K extends Key, V>(
  store: EntryStore<K, V>,
  range: Range<K> = {},
): Observer<readonly EntryRow<K, V>[]> =>
  getSharedObserver<readonly EntryRow<K, V>[]>(store, ['entries', range], NO_ROWS, ({ show, fail }) => {
    const { prefix, from, to, tag, order, reverse, limit = Infinity } = range;
    // Changes tell neither tags nor whether a key is in two ranges.
    const isReadForChanges = tag !== undefined || (prefix !== undefined && (from !== undefined || to !== undefined));
    /** In ascending order; undefined before the first read. */
    let rows: Rows | undefined;
    let waiting: (() => void)[] | undefined;
    let isStale = false;
    let isSorted = true;

    async function read(): Promise<void> {
      isStale = true;
      if (waiting !== undefined) return;
      waiting = [];
      try {
        while (isStale) {
          isStale = false;
          // What came before this read is in its result.
          waiting.length = 0;
          const items: EntryRow<Key, unknown>[] = await store.entries(range as never);
          if (reverse) items.reverse();
          rows = new Map(items.map((item) => [getIdentity(item[0]), item]));
          isSorted = true;
        }
      } catch (error) {
        isStale = false;
        ignoreDisconnected(fail)(error);
      }
      const changes = waiting;
      waiting = undefined;
      for (const apply of changes) apply();
      if (rows !== undefined) show(getRows);
    }

    function change(key: Key, value: unknown, exists: boolean): void {
      if (waiting !== undefined) return void waiting.push(() => change(key, value, exists));
      if (rows === undefined) return;
      const name = getIdentity(key);
      const isKnown = rows.has(name);
      if (exists) {
        // It is the last one now, or was there before and is not among the last.
        if (!isKnown && reverse && order !== 'key' && rows.size >= limit) return void read();
        rows.set(name, [key, value]);
        if (!isKnown && order === 'key') isSorted = false;
      } else if (isKnown) {
        // There may be another item to take its place.
        if (rows.size >= limit) return void read();
        rows.delete(name);
      }
      show(getRows);
    }

    function getRows(): readonly EntryRow<K, V>[] {
      if (!isSorted || rows!.size > limit) {
        const items = [...rows!];
        let isUncertain = false;
        if (!isSorted) {
          items.sort(([, [one]], [, [other]]) => {
            const result = compareKeys(one, other);
            isUncertain ||= Number.isNaN(result);
            return result;
          });
        }
        isSorted = true;
        rows = new Map(reverse ? items.slice(-limit) : items.slice(0, limit));
        if (isUncertain) void read();
      }
      const shown = [...rows!.values()] as unknown as EntryRow<K, V>[];
      return reverse ? shown.reverse() : shown;
    }

    const unsubscribe = subscribeToValues(store, getFilter(range), {
      onChange: isReadForChanges ? read : change,
      onReset: read,
      onError: fail,
    });
    void read();
    return unsubscribe;
  });

/** A subscription takes either a prefix or limits; undefined is none. */
function getFilter({ prefix, from, to }: Range): SubscribeOptions {
  if (prefix !== undefined) return { prefix };
  return { ...(from !== undefined && { from }), ...(to !== undefined && { to }) };
}
