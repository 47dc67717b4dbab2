import type { ChangeKind } from '../../../protocol/options.ts';
import { deleteRow, isChangeLogged } from '../space/delete-row.ts';
import { checkpointStep, retryWithBallast } from '../space/maintenance.ts';
import { isLive } from '../space/policy.ts';
import { adjustStep } from '../space/sweep.ts';
import type { Column } from '../sqlite/connection.ts';
import {
  andLive,
  andNotStoredBetween,
  type ExpiringRow,
  markSelected,
  type RowSelection,
  readIdBehind,
  readSelected,
  readSelectedIds,
  selectExpired,
  selectKeyRange,
  selectKeysBelow,
  selectTagged,
} from '../sqlite/mass-statements.ts';
import type { Core } from '../state/core.ts';
import { getProgress, isSliceOver, shouldPause } from '../values/read-budget.ts';
import { inWriteTransaction } from './transaction.ts';

/*
 * Deletes many items on behalf of a page, in slices of a few milliseconds. Keys lie at random in their index, so deleting a row costs ten
 * times as much as changing it where it lies. So only the first rows are deleted; the rest are marked in the order of the table, which
 * hides them from every reader, and their rows are removed later (docs/decisions/0036-deletion-marks.md).
 */

/** About the duration of one transaction. */
const STEP_MS = 2;
/**
 * Rows that are deleted before the rest is marked: at least 512, and at least one for each 16 pages of the database, because marking reads
 * the whole table.
 */
const MIN_DELETED_ROWS = 512;
const PAGES_PER_DELETED_ROW = 16;
const MIN_ROWS = 16;
const MAX_ROWS = 256;
const MAX_WINDOW_ROWS = 8192;
const FIRST_WINDOW_ROWS = 512;
/** Rows that are searched at a time for a tag without an index. */
const SEARCHED_ROWS = 4096;

/** What is deleted. */
export interface SlicedPlan {
  /** How listeners get to know of items that count. */
  readonly kind: ChangeKind;
  /** Returns the selection of the rows that count, at this moment. */
  readonly getCounted: () => RowSelection;
  /** Reads at most `maxRows` of the rows behind those that were read before, and whether there may be more. */
  readonly read: (maxRows: number) => { readonly rows: readonly ExpiringRow[]; readonly hasMore: boolean };
  readonly isCounted: (row: ExpiringRow) => boolean;
  /** How listeners get to know of rows that don't count. */
  readonly otherKind: ChangeKind;
}

/**
 * Deletes until the slice is over; the same call in the next slice goes on. Returns how many items of this slice count; undefined if the
 * call doesn't run in slices.
 */
export function deleteInSlices(core: Core, createPlan: () => SlicedPlan): number | undefined {
  const deletion = getProgress(core, () => new SlicedDeletion(core, createPlan()));
  return deletion && (isSliceOver() ? 0 : deletion.run());
}

class SlicedDeletion {
  readonly #core: Core;
  readonly #plan: SlicedPlan;
  #stage: 'delete' | 'mark' | 'done' = 'delete';
  /** Rows that may be deleted before the rest is marked. */
  #left: number;
  #rows = MIN_ROWS;
  #windowRows = FIRST_WINDOW_ROWS;
  #after = Number.NEGATIVE_INFINITY;

  constructor(core: Core, plan: SlicedPlan) {
    this.#core = core;
    this.#plan = plan;
    this.#left = Math.max(MIN_DELETED_ROWS, (core.sql.pageCount.first()?.[0] ?? 0) / PAGES_PER_DELETED_ROW);
  }

  run(): number {
    let items = 0;
    while (this.#stage !== 'done') {
      const startedAt = performance.now();
      items += retryWithBallast([this.#core], () =>
        inWriteTransaction(this.#core, () => (this.#stage === 'delete' ? this.#delete() : this.#mark())),
      );
      const elapsedMs = performance.now() - startedAt;
      this.#rows = adjustStep(this.#rows, elapsedMs, MIN_ROWS, MAX_ROWS, STEP_MS);
      this.#windowRows = adjustStep(this.#windowRows, elapsedMs, MIN_ROWS, MAX_WINDOW_ROWS, STEP_MS);
      checkpointStep(this.#core);
      if (this.#isDone()) this.#core.space.vacuum(this.#core);
      else if (shouldPause()) break;
    }
    return items;
  }

  #isDone(): boolean {
    return this.#stage === 'done';
  }

  #delete(): number {
    const { read, isCounted, kind, otherKind } = this.#plan;
    const { rows, hasMore } = read(this.#rows);
    let items = 0;
    for (const row of rows) {
      const [id, key, file, bytes] = row;
      deleteRow(this.#core, [id, key, file, bytes], isCounted(row) ? kind : otherKind);
      if (isCounted(row)) items++;
    }
    this.#left -= rows.length;
    if (!hasMore) this.#stage = 'done';
    else if (this.#left <= 0) this.#stage = 'mark';
    return items;
  }

  #mark(): number {
    const core = this.#core;
    const { sql } = core;
    const upTo = readIdBehind(sql, this.#after, this.#windowRows);
    const lastChange = isChangeLogged(core) ? (sql.lastChange.first()?.[0] ?? 0) : undefined;
    const items = markSelected(sql, this.#plan.getCounted(), this.#after, upTo ?? Number.POSITIVE_INFINITY);
    if (items > 0) {
      if (lastChange !== undefined) sql.nameMarked.run(this.#plan.kind, lastChange);
      core.rowStats.recordMarked(items);
      core.memoryCache.clear();
    }
    if (upTo === undefined) this.#stage = 'done';
    else this.#after = upTo;
    return items;
  }
}

/** Items of this millisecond, by whichever process, are stored before this time. */
const getTimeAfter = (now: number): number => Math.floor(now) + 2;

/**
 * Returns what narrows a selection to items that were stored before the call: what is stored while it runs stays. The clock may have been set back,
 * so a time that is still to come is an earlier one, too.
 */
function createNarrowing({ clock, clockState }: Core): (selection: RowSelection) => RowSelection {
  const start = getTimeAfter(Math.max(clock(), clockState.latest));
  let end = start;
  return (selection) => {
    end = Math.max(end, getTimeAfter(clock()));
    return andNotStoredBetween(selection, start, end);
  };
}

/** Plans to delete the items with a tag. */
export function planTagged(core: Core, tag: Column): SlicedPlan {
  const { sql, settings } = core;
  const now = core.clock();
  const narrow = createNarrowing(core);
  const getSelection = () => narrow(selectTagged(tag));
  let after = Number.NEGATIVE_INFINITY;
  return {
    ...planLive(getSelection, now),
    kind: 'evict',
    otherKind: 'evict',
    read(maxRows) {
      if (settings.tagIndex) {
        const rows = readSelected(sql, getSelection(), 'id', after, maxRows);
        after = rows.at(-1)?.[0] ?? after;
        return { rows, hasMore: rows.length === maxRows };
      }
      // Without an index the table is searched, some rows at a time.
      const upTo = readIdBehind(sql, after, SEARCHED_ROWS);
      const rows = readSelectedIds(sql, getSelection(), after, upTo ?? Number.POSITIVE_INFINITY, maxRows);
      const isFull = rows.length === maxRows;
      after = isFull ? rows.at(-1)![0] : (upTo ?? after);
      return { rows, hasMore: isFull || upTo !== undefined };
    },
  };
}

/** Plans to delete the items between two keys. */
export function planKeyRange(core: Core, lower: Column, upper: Column): SlicedPlan {
  const now = core.clock();
  const narrow = createNarrowing(core);
  let from = lower;
  return {
    ...planLive(() => narrow(selectKeyRange(lower, upper)), now),
    kind: 'delete',
    otherKind: 'expire',
    read(maxRows) {
      const rows = readSelected(core.sql, narrow(selectKeysBelow(upper)), 'key', from, maxRows);
      from = rows.at(-1)?.[1] ?? from;
      return { rows, hasMore: rows.length === maxRows };
    },
  };
}

const planLive = (getSelection: () => RowSelection, now: number): Pick<SlicedPlan, 'getCounted' | 'isCounted'> => ({
  getCounted: () => andLive(getSelection(), now),
  isCounted: ([, , , , expiresAt]) => isLive(expiresAt, now),
});

/** Plans to delete the items that have expired. */
export function planExpired(core: Core): SlicedPlan {
  const counted = selectExpired(core.clock());
  return {
    kind: 'expire',
    otherKind: 'expire',
    getCounted: () => counted,
    isCounted: () => true,
    read(maxRows) {
      const rows = readSelected(core.sql, counted, 'expires_at', -Number.MAX_VALUE, maxRows);
      return { rows, hasMore: rows.length === maxRows };
    },
  };
}
