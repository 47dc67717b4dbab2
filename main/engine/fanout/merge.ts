import type { Cursor, Page, PageOf } from '../../../protocol/contract.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import type { Range } from '../../../protocol/options.ts';
import type { Core } from '../cache/core.ts';
import {
  type Course,
  courseOf,
  FIRST_PAGE_ITEMS,
  isColumn,
  PAGE_BYTES,
  PAGE_ITEMS,
  type Position,
  type Stretch,
  stretch,
} from '../cache/iterate.ts';
import { despiteReplacement } from '../cache/read.ts';
import { compareColumns, type KeyColumn } from '../values/key.ts';

/*
 * Ranges over all shards: each shard gives its items in order, and the next of all is the least of their heads (a k-way merge;
 * Knuth, The Art of Computer Programming 3, 5.4.1). In stored order items with the same place come by the number of their shard.
 */

/** Where a walk over all shards stands: behind an item of a shard. Plain data. */
interface Standing extends Position {
  readonly shard: number;
}

/** What of one shard has been read ahead. */
interface Lane {
  readonly shard: number;
  readonly core: Core;
  ahead: Stretch;
  taken: number;
  /** The shard's changes when it was read. */
  changes: number;
  most: number;
}

/** The items of a range over all shards, in order. Between two of them anything may change. */
class Merge {
  readonly #of: PageOf;
  readonly #course: Course;
  readonly #lanes: readonly Lane[];
  /** Lanes with something ahead, the one whose turn is next at the end. */
  #line: Lane[] | undefined;
  standing: Standing | undefined;
  /** Stretches that have been read. */
  reads = 0;

  constructor(shards: readonly Core[], of: PageOf, course: Course, standing: Standing | undefined, most: number) {
    this.#of = of;
    this.#course = course;
    this.standing = standing;
    const ahead: Stretch = { items: [], places: [], more: true };
    this.#lanes = shards.map((core, shard) => ({ shard, core, ahead, taken: 0, changes: -1, most }));
  }

  /** True when the next item has to be read from disk. */
  get isDry(): boolean {
    return this.#line === undefined || this.#lanes.some((lane) => isDry(lane));
  }

  next(): { readonly item: unknown } | undefined {
    const { standing } = this;
    if ((standing?.seen ?? 0) >= this.#course.limit) return undefined;
    for (const lane of this.#lanes) if (isDry(lane)) this.#read(lane);
    this.#line ??= this.#lanes.filter(hasNext).sort((a, b) => this.#compare(b, a));
    const lane = this.#line.pop();
    if (lane === undefined) return undefined;
    const at = placeOf(lane);
    const item = lane.ahead.items[lane.taken++];
    this.standing = { at, shard: lane.shard, seen: (standing?.seen ?? 0) + 1 };
    if (hasNext(lane)) this.#lineUp(lane, this.#line);
    return { item };
  }

  #read(lane: Lane): void {
    const lanes = this.#lanes.length;
    const start = this.#startOf(lane);
    const disturbed = lane.changes !== -1 && lane.changes !== lane.core.ledger.changes;
    lane.most = disturbed ? FIRST_PAGE_ITEMS : lane.most;
    lane.ahead = despiteReplacement(lane.core, () =>
      stretch(lane.core, this.#of, this.#course, start, lane.most, PAGE_BYTES / lanes),
    );
    lane.changes = lane.core.ledger.changes;
    lane.taken = 0;
    lane.most = Math.min(lane.most * 2, PAGE_ITEMS);
    this.reads++;
    this.#line = undefined;
  }

  /** A lane goes on behind the last item of all, which may be another lane's: places may be the same there, keys never are. */
  #startOf({ shard }: Lane): Position | undefined {
    const { standing } = this;
    if (standing === undefined || this.#course.order === 'key') return standing;
    const { reverse } = this.#course;
    const equalComes = reverse ? shard < standing.shard : shard > standing.shard;
    const at = Number(standing.at) + (equalComes ? (reverse ? 1 : -1) : 0);
    return { at, seen: standing.seen };
  }

  #lineUp(lane: Lane, line: Lane[]): void {
    let low = 0;
    let high = line.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#compare(lane, line[middle]!) < 0) low = middle + 1;
      else high = middle;
    }
    line.splice(low, 0, lane);
  }

  #compare(a: Lane, b: Lane): number {
    const order = compareColumns(placeOf(a), placeOf(b)) || a.shard - b.shard;
    return this.#course.reverse ? -order : order;
  }
}

const hasNext = ({ taken, ahead }: Lane): boolean => taken < ahead.items.length;
const placeOf = ({ taken, ahead }: Lane): KeyColumn => ahead.places[taken]!;
/** What is ahead has been used up, or may not hold any more. */
const isDry = (lane: Lane): boolean => lane.changes !== lane.core.ledger.changes || (lane.ahead.more && !hasNext(lane));

/** The items of a range, as `walk` of one cache. */
export function* walk(open: () => readonly Core[], of: PageOf, range: Range = {}): Generator<unknown, void, undefined> {
  const merge = new Merge(open(), of, courseOf(range), undefined, FIRST_PAGE_ITEMS);
  for (let next = merge.next(); next !== undefined; next = merge.next()) {
    yield next.item;
    open();
  }
}

/** One bounded page of a range, as `page` of one cache; each shard's part of it is from one moment. */
export function page(shards: readonly Core[], of: PageOf, range: Range = {}, after?: Cursor): Page {
  if (of !== 'keys' && of !== 'values' && of !== 'entries') {
    throw new DiskCacheError('BAD_OPTION', 'a page is of "keys", "values" or "entries"');
  }
  const course = courseOf(range);
  const start = after === undefined ? undefined : standingOf(after, course, shards.length);
  const merge = new Merge(shards, of, course, start, Math.ceil(PAGE_ITEMS / shards.length));
  const items: unknown[] = [];
  // A second round of reading could double the bytes, so the page ends before it.
  while (items.length < PAGE_ITEMS && (merge.reads === 0 || !merge.isDry)) {
    const next = merge.next();
    if (next === undefined) return { items };
    items.push(next.item);
  }
  const { standing } = merge;
  return standing === undefined || standing.seen >= course.limit ? { items } : { items, next: standing };
}

/** A cursor may come from a page of an application, so it is looked at before it is believed. */
function standingOf(cursor: Cursor, { order }: Course, shards: number): Standing {
  const { at, seen, shard } = Object(cursor) as Partial<Standing>;
  const placed = order === 'stored' ? Number.isSafeInteger(at) : isColumn(at);
  const within = Number.isInteger(shard) && Number(shard) >= 0 && Number(shard) < shards;
  if (placed && within && Number.isSafeInteger(seen) && Number(seen) >= 0) {
    return { at: at as KeyColumn, seen: Number(seen), shard: Number(shard) };
  }
  throw new DiskCacheError('BAD_OPTION', 'the cursor is none of this range; begin again without one');
}
