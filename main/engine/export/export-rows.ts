import { retryIfReplaced } from '../cache/read.ts';
import { type ExportRow, rowsAfter } from '../sqlite/export-statements.ts';
import type { Core } from '../state/core.ts';
import type { ExportPosition } from './export-format.ts';

/** A row, and the store that it is in: a FanoutCache has several. */
export interface FoundRow {
  readonly core: Core;
  readonly at: ExportPosition;
  readonly row: ExportRow;
}

/** A batch ends at this many bytes or rows of one store. */
const MAX_BATCH_BYTES = 512 * 1024;
const MAX_BATCH_ROWS = 256;

/**
 * Reads the live rows behind a position in stored order, those of several stores merged by id and shard (their ids grow with time, see
 * `SpaceManager.nextInsertId`). Each batch is read at one moment. Returns an empty array at the end.
 */
export function readRows(cores: readonly Core[], after: ExportPosition): FoundRow[] {
  const [id, shard] = typeof after === 'number' ? [after, 0] : after;
  const batches = cores.map((core, index) =>
    // Of the same id, the rows of later shards are still to come.
    retryIfReplaced(core, () => readBatch(core, index > shard ? id - 1 : id, MAX_BATCH_BYTES / cores.length)),
  );
  // Behind the last row of a store that has more, the next row of all stores isn't known.
  const end = Math.min(...batches.map(({ rows, hasMore }) => (hasMore ? rows.at(-1)![0] : Number.POSITIVE_INFINITY)));
  return batches
    .flatMap(({ rows }, index) =>
      rows.map((row) => ({
        core: cores[index]!,
        at: cores.length === 1 ? row[0] : ([row[0], index] as const),
        row,
        index,
      })),
    )
    .filter(({ row }) => row[0] <= end)
    .sort((a, b) => a.row[0] - b.row[0] || a.index - b.index);
}

function readBatch(core: Core, after: number, maxBytes: number): { readonly rows: ExportRow[]; hasMore: boolean } {
  const rows: ExportRow[] = [];
  let bytes = 0;
  let hasMore = false;
  rowsAfter(core.sql).each(
    (row) => {
      hasMore = rows.length === MAX_BATCH_ROWS || bytes >= maxBytes;
      if (hasMore) return false;
      rows.push(row);
      // A value in a file is read later.
      bytes += row[5] === null ? row[4] : 0;
      return true;
    },
    after,
    core.clock(),
  );
  return { rows, hasMore };
}
