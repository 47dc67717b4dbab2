import type { Key } from '../../protocol/key.ts';
import type { Range, SubscribeOptions } from '../../protocol/options.ts';
import { DiskCacheError } from '../index.ts';
import type { EntryRow, EntryStore } from './entry.ts';
import { createReader } from './follow-by-reading.ts';
import { getIdentity } from './key-identity.ts';
import { compareKeys } from './key-order.ts';
import type { StartObserving } from './observer.ts';
import { followValues } from './value-changes.ts';

type Row = EntryRow<Key, unknown>;

/** Follows the entries of a range, in its order. Changes are applied to the entries that were read, so that the range isn't read again. */
export const followEntries =
  (store: EntryStore<Key, unknown>, range: Range<Key>): StartObserving<readonly Row[]> =>
  (show, fail) => {
    if (Object(range) !== range) throw new DiskCacheError('BAD_OPTION', 'useEntries: the range must be an object');
    const { prefix, from, to, tag, order, reverse, limit = Infinity } = range;
    /** In ascending order; undefined before the first read and after a failed one. */
    let rows: Map<string, Row> | undefined;
    /** The changes that arrived while the range is being read; undefined while it isn't. */
    let waiting: (() => void)[] | undefined;
    let isSorted = true;

    const read = createReader(
      () => {
        waiting = [];
        return store.entries(range as never) as PromiseLike<Row[]>;
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
      // Read again where the limit hides the answer: the entry that takes the place of a deleted one, and in a reverse range whether a set key is
      // new, and thus the last, or an old one beyond the limit.
      if (isFull && (exists ? !isKnown && reverse && order !== 'key' : isKnown)) return void read();
      if (exists) {
        rows.set(name, [key, value]);
        isSorted &&= isKnown || order !== 'key';
      } else rows.delete(name);
      show(getRows);
    }

    function getRows(): readonly Row[] {
      if (!isSorted || rows!.size > limit) {
        const items = [...rows!];
        let isUncertain = false;
        if (!isSorted) {
          items.sort(([, [one]], [, [other]]) => {
            const result = compareKeys(one, other);
            // The page can't compare these keys: the range is read again.
            isUncertain ||= Number.isNaN(result);
            return result;
          });
        }
        isSorted = true;
        rows = new Map(reverse ? items.slice(-limit) : items.slice(0, limit));
        if (isUncertain) read();
      }
      const shown = [...rows!.values()];
      return reverse ? shown.reverse() : shown;
    }

    // Changes don't have tags, so a range with a tag is read again after each.
    return followValues(store, { prefix, from, to } as SubscribeOptions, fail, tag === undefined ? change : read, read);
  };
