import type { Cursor, Projection, ResultPage } from '../../../protocol/contract.ts';
import type { Range } from '../../../protocol/options.ts';
import {
  assertProjection,
  type ItemCursor,
  isCount,
  isKeyColumn,
  iterateCursor,
  MAX_PAGE_BYTES,
  MAX_PAGE_ITEMS,
  parseCursor,
  parseRange,
  ReadAhead,
  type ScanRange,
} from '../cache/range.ts';
import { retryIfReplaced } from '../cache/read.ts';
import { type Batch, readBatch, type ScanPosition } from '../cache/scan.ts';
import type { Core } from '../state/core.ts';
import { compareColumns, type KeyColumn } from '../values/key.ts';

/*
 * Ranges over all shards: each shard gives its items in order, and the next of all is the least of their heads (a k-way merge;
 * Knuth, The Art of Computer Programming 3, 5.4.1). In stored order, items with the same id come by the number of their shard.
 */

/** The last item that was read from all shards, and its shard. Plain data: it is the cursor of a page. */
interface MergePosition extends ScanPosition {
  readonly shard: number;
}

/** The items of one shard that were read ahead. */
interface ShardReader {
  readonly shard: number;
  readonly ahead: ReadAhead<Batch>;
}

/** The items of a range over all shards, in order. Between two of them anything may change. */
class ShardMerge implements ItemCursor {
  readonly #range: ScanRange;
  readonly #readers: readonly ShardReader[];
  /** Readers with an item ahead, the least one last. */
  #sortedReaders: ShardReader[] | undefined;
  #at: KeyColumn | undefined;
  #shard = 0;
  #seen = 0;
  /** Batches that were read. */
  reads = 0;
  item: unknown;

  /** `maxItems` is the size of the first batch of each shard. */
  constructor(
    shards: readonly Core[],
    projection: Projection,
    range: ScanRange,
    start?: MergePosition,
    maxItems?: number,
  ) {
    this.#range = range;
    if (start !== undefined) ({ at: this.#at, shard: this.#shard, seen: this.#seen } = start);
    const maxBytes = MAX_PAGE_BYTES / shards.length;
    const readShard = (core: Core, shard: number) => (maxItems: number) => {
      const request = { projection, range, start: this.#getStart(shard), maxItems, maxBytes };
      return retryIfReplaced(core, () => readBatch(core, request));
    };
    this.#readers = shards.map((core, shard) => ({
      shard,
      ahead: new ReadAhead<Batch>(core, readShard(core, shard), maxItems),
    }));
  }

  /** The last item that was visited; undefined before the first one. */
  get position(): MergePosition | undefined {
    return this.#at === undefined ? undefined : { at: this.#at, shard: this.#shard, seen: this.#seen };
  }

  /** True if the next item has to be read from disk. */
  get needsRead(): boolean {
    return this.#sortedReaders === undefined || this.#readers.some(({ ahead }) => ahead.needsRead);
  }

  advance(): boolean {
    if (this.#seen >= this.#range.limit) return false;
    for (const { ahead } of this.#readers) {
      if (!ahead.needsRead) continue;
      ahead.read();
      this.reads++;
      this.#sortedReaders = undefined;
    }
    this.#sortedReaders ??= this.#readers.filter(hasNext).sort((a, b) => this.#compare(b, a));
    const reader = this.#sortedReaders.pop();
    if (reader === undefined) return false;
    this.#at = getNextPlace(reader);
    this.#shard = reader.shard;
    this.#seen++;
    reader.ahead.advance();
    this.item = reader.ahead.item;
    if (hasNext(reader)) this.#insertSorted(reader, this.#sortedReaders);
    return true;
  }

  /** Returns where a shard continues: behind the last item of all shards. Ids may be equal in two shards, keys never are. */
  #getStart(shard: number): ScanPosition | undefined {
    const { position } = this;
    if (position === undefined || this.#range.order === 'key') return position;
    const { reverse } = this.#range;
    const equalFollows = reverse ? shard < position.shard : shard > position.shard;
    const at = Number(position.at) + (equalFollows ? (reverse ? 1 : -1) : 0);
    return { at, seen: position.seen };
  }

  #insertSorted(reader: ShardReader, sorted: ShardReader[]): void {
    let low = 0;
    let high = sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#compare(reader, sorted[middle]!) < 0) low = middle + 1;
      else high = middle;
    }
    // Unlike `splice` this allocates nothing, and it runs for every item.
    sorted.push(reader);
    for (let at = sorted.length - 1; at > low; at--) sorted[at] = sorted[at - 1]!;
    sorted[low] = reader;
  }

  #compare(a: ShardReader, b: ShardReader): number {
    const order = compareColumns(getNextPlace(a), getNextPlace(b)) || a.shard - b.shard;
    return this.#range.reverse ? -order : order;
  }
}

const hasNext = ({ ahead }: ShardReader): boolean => ahead.hasNext;
const getNextPlace = ({ ahead: { batch, consumed } }: ShardReader): KeyColumn => batch!.positions[consumed]!;

/** Iterates over the items of a range, as `iterate` of one cache. */
export const iterateMerged = (
  open: () => readonly Core[],
  projection: Projection,
  range: Range = {},
): Generator<unknown, void, undefined> =>
  iterateCursor(open, (shards) => new ShardMerge(shards, projection, parseRange(range)));

/** Returns one page of a range, as `page` of one cache; the items of one shard are from one moment. */
export function getMergedPage(
  shards: readonly Core[],
  projection: Projection,
  options: Range = {},
  after?: Cursor,
): ResultPage {
  assertProjection(projection);
  const range = parseRange(options);
  const start =
    after === undefined ? undefined : parseCursor(after, (parts) => parsePosition(parts, range, shards.length));
  const merge = new ShardMerge(shards, projection, range, start, Math.ceil(MAX_PAGE_ITEMS / shards.length));
  const items: unknown[] = [];
  // A second round of reading could double the bytes, so the page ends before it.
  while (items.length < MAX_PAGE_ITEMS && (merge.reads === 0 || !merge.needsRead)) {
    if (!merge.advance()) return { items };
    items.push(merge.item);
  }
  const { position } = merge;
  return position === undefined || position.seen >= range.limit ? { items } : { items, next: position };
}

function parsePosition(
  { at, seen, shard }: Readonly<Record<string, unknown>>,
  { order }: ScanRange,
  shards: number,
): MergePosition | undefined {
  const isPosition = order === 'stored' ? Number.isSafeInteger(at) : isKeyColumn(at);
  return isPosition && isCount(seen) && isCount(shard) && shard < shards
    ? { at: at as KeyColumn, seen, shard }
    : undefined;
}
