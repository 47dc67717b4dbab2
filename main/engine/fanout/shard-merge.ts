import type { Cursor, Projection, ResultPage } from '../../../protocol/contract.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import type { Range } from '../../../protocol/options.ts';
import { retryIfReplaced } from '../cache/read.ts';
import {
  type Batch,
  FIRST_PAGE_ITEMS,
  isKeyColumn,
  MAX_PAGE_BYTES,
  MAX_PAGE_ITEMS,
  parseRange,
  readBatch,
  type Scan,
  type ScanPosition,
} from '../cache/scan.ts';
import type { Core } from '../state/core.ts';
import { compareColumns, type KeyColumn } from '../values/key.ts';

/*
 * Ranges over all shards: each shard gives its items in order, and the next of all is the least of their heads (a k-way merge;
 * Knuth, The Art of Computer Programming 3, 5.4.1). In stored order items with the same place come by the number of their shard.
 */

/** Where a walk over all shards stands: behind an item of a shard. Plain data. */
interface MergeCursor extends ScanPosition {
  readonly shard: number;
}

/** What of one shard has been read ahead. */
interface ShardCursor {
  readonly shard: number;
  readonly core: Core;
  batch: Batch;
  consumed: number;
  /** The shard's changes when it was read. */
  changes: number;
  batchSize: number;
}

/** The items of a range over all shards, in order. Between two of them anything may change. */
class ShardMerge {
  readonly #projection: Projection;
  readonly #scan: Scan;
  readonly #cursors: readonly ShardCursor[];
  /** Lanes with something ahead, the one whose turn is next at the end. */
  #sortedCursors: ShardCursor[] | undefined;
  position: MergeCursor | undefined;
  /** Stretches that have been read. */
  reads = 0;

  constructor(
    shards: readonly Core[],
    of: Projection,
    course: Scan,
    cursor: MergeCursor | undefined,
    batchSize: number,
  ) {
    this.#projection = of;
    this.#scan = course;
    this.position = cursor;
    const batch: Batch = { items: [], positions: [], hasMore: true };
    this.#cursors = shards.map((core, shard) => ({ shard, core, batch, consumed: 0, changes: -1, batchSize }));
  }

  /** True when the next item has to be read from disk. */
  get needsRead(): boolean {
    return this.#sortedCursors === undefined || this.#cursors.some((lane) => needsRead(lane));
  }

  next(): { readonly item: unknown } | undefined {
    const { position } = this;
    if ((position?.seen ?? 0) >= this.#scan.limit) return undefined;
    for (const lane of this.#cursors) if (needsRead(lane)) this.#readBatch(lane);
    this.#sortedCursors ??= this.#cursors.filter(hasNext).sort((a, b) => this.#compare(b, a));
    const lane = this.#sortedCursors.pop();
    if (lane === undefined) return undefined;
    const at = getPlace(lane);
    const item = lane.batch.items[lane.consumed++];
    this.position = { at, shard: lane.shard, seen: (position?.seen ?? 0) + 1 };
    if (hasNext(lane)) this.#insertSorted(lane, this.#sortedCursors);
    return { item };
  }

  #readBatch(lane: ShardCursor): void {
    const lanes = this.#cursors.length;
    const start = this.#getStart(lane);
    const disturbed = lane.changes !== -1 && lane.changes !== lane.core.rowStats.changeCount;
    lane.batchSize = disturbed ? FIRST_PAGE_ITEMS : lane.batchSize;
    lane.batch = retryIfReplaced(lane.core, () =>
      readBatch(lane.core, this.#projection, this.#scan, start, lane.batchSize, MAX_PAGE_BYTES / lanes),
    );
    lane.changes = lane.core.rowStats.changeCount;
    lane.consumed = 0;
    lane.batchSize = Math.min(lane.batchSize * 2, MAX_PAGE_ITEMS);
    this.reads++;
    this.#sortedCursors = undefined;
  }

  /** A lane goes on behind the last item of all, which may be another lane's: places may be the same there, keys never are. */
  #getStart({ shard }: ShardCursor): ScanPosition | undefined {
    const { position } = this;
    if (position === undefined || this.#scan.order === 'key') return position;
    const { reverse } = this.#scan;
    const equalComes = reverse ? shard < position.shard : shard > position.shard;
    const at = Number(position.at) + (equalComes ? (reverse ? 1 : -1) : 0);
    return { at, seen: position.seen };
  }

  #insertSorted(lane: ShardCursor, line: ShardCursor[]): void {
    let low = 0;
    let high = line.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#compare(lane, line[middle]!) < 0) low = middle + 1;
      else high = middle;
    }
    line.splice(low, 0, lane);
  }

  #compare(a: ShardCursor, b: ShardCursor): number {
    const order = compareColumns(getPlace(a), getPlace(b)) || a.shard - b.shard;
    return this.#scan.reverse ? -order : order;
  }
}

const hasNext = ({ consumed, batch }: ShardCursor): boolean => consumed < batch.items.length;
const getPlace = ({ consumed, batch }: ShardCursor): KeyColumn => batch.positions[consumed]!;
/** What is ahead has been used up, or may not hold any more. */
const needsRead = (lane: ShardCursor): boolean =>
  lane.changes !== lane.core.rowStats.changeCount || (lane.batch.hasMore && !hasNext(lane));

/** The items of a range, as `walk` of one cache. */
export function* iterateMerged(
  open: () => readonly Core[],
  of: Projection,
  range: Range = {},
): Generator<unknown, void, undefined> {
  const merge = new ShardMerge(open(), of, parseRange(range), undefined, FIRST_PAGE_ITEMS);
  for (let next = merge.next(); next !== undefined; next = merge.next()) {
    yield next.item;
    open();
  }
}

/** One bounded page of a range, as `page` of one cache; each shard's part of it is from one moment. */
export function getMergedPage(shards: readonly Core[], of: Projection, range: Range = {}, after?: Cursor): ResultPage {
  if (of !== 'keys' && of !== 'values' && of !== 'entries') {
    throw new DiskCacheError('BAD_OPTION', 'a page is of "keys", "values" or "entries"');
  }
  const course = parseRange(range);
  const start = after === undefined ? undefined : parseCursor(after, course, shards.length);
  const merge = new ShardMerge(shards, of, course, start, Math.ceil(MAX_PAGE_ITEMS / shards.length));
  const items: unknown[] = [];
  // A second round of reading could double the bytes, so the page ends before it.
  while (items.length < MAX_PAGE_ITEMS && (merge.reads === 0 || !merge.needsRead)) {
    const next = merge.next();
    if (next === undefined) return { items };
    items.push(next.item);
  }
  const { position } = merge;
  return position === undefined || position.seen >= course.limit ? { items } : { items, next: position };
}

/** A cursor may come from a page of an application, so it is looked at before it is believed. */
function parseCursor(cursor: Cursor, { order }: Scan, shards: number): MergeCursor {
  const { at, seen, shard } = Object(cursor) as Partial<MergeCursor>;
  const placed = order === 'stored' ? Number.isSafeInteger(at) : isKeyColumn(at);
  const within = Number.isInteger(shard) && Number(shard) >= 0 && Number(shard) < shards;
  if (placed && within && Number.isSafeInteger(seen) && Number(seen) >= 0) {
    return { at: at as KeyColumn, seen: Number(seen), shard: Number(shard) };
  }
  throw new DiskCacheError('BAD_OPTION', 'the cursor is none of this range; begin again without one');
}
