import type { DequeRange } from '../../../protocol/contract/deque.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import type { Cursor, Page } from '../../../protocol/page.ts';
import { optionsOf } from '../cache/arguments.ts';
import type { Core } from '../cache/core.ts';
import { despiteReplacement } from '../cache/read.ts';
import { extentOf } from './extent.ts';
import { PAGE_ITEMS, stretch } from './places.ts';

const OPTIONS: ReadonlySet<string> = new Set(['reverse', 'limit']);

/** Where a walk stands: before an index, having seen so many. Plain data. */
interface Standing {
  readonly index: number;
  readonly seen: number;
}

/**
 * One page of a deque, index by index: what is taken from the front between two pages moves the others up. O(log n + page).
 *
 * @throws {DiskCacheError} `BAD_OPTION` for a range or a cursor that is none.
 */
export function page(core: Core, range: DequeRange = {}, after?: Cursor): Page {
  const { reverse = false, limit = Number.POSITIVE_INFINITY } = optionsOf(range, OPTIONS);
  if (typeof reverse !== 'boolean') throw badRange('reverse has to be true or false');
  if (typeof limit !== 'number' || !(limit >= 0)) throw badRange('limit has to be a number from 0');
  const last = extentOf(core).length - 1;
  const standing = after === undefined ? { index: reverse ? last : 0, seen: 0 } : standingOf(after);
  const { seen } = standing;
  const from = reverse ? Math.min(standing.index, last) : standing.index;
  const most = Math.min(PAGE_ITEMS, Math.floor(limit) - seen);
  if (most <= 0 || from < 0 || from > last) return { items: [] };
  const items = despiteReplacement(core, () => stretch(core, reverse ? 'downwards' : 'upwards', from, most));
  const next: Standing = { index: reverse ? from - items.length : from + items.length, seen: seen + items.length };
  const more = items.length > 0 && next.seen < limit && next.index >= 0 && next.index <= last;
  return more ? { items, next } : { items };
}

/** A cursor may come from a page of an application, so it is looked at before it is believed. */
function standingOf(cursor: Cursor): Standing {
  const { index, seen } = Object(cursor) as Partial<Standing>;
  if (Number.isSafeInteger(index) && Number.isSafeInteger(seen) && Number(index) >= 0 && Number(seen) >= 0)
    return { index: Number(index), seen: Number(seen) };
  throw badRange('the cursor is none of this range; begin again without one');
}

const badRange = (message: string) => new DiskCacheError('BAD_OPTION', message);
