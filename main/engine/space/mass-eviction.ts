import { attemptAtOnce, deleteRows } from '../cache/mass-delete.ts';
import { flushAccesses } from '../cache/stats.ts';
import { evictionChannel, publishEviction } from '../diagnostics.ts';
import {
  type EvictionRange,
  readRankBehind,
  readRankFreeing,
  selectVictims,
  sumVictims,
} from '../sqlite/eviction-statements.ts';
import type { Core } from '../state/core.ts';
import { prepareEvictionIndex } from './eviction.ts';
import { EVICTION_POLICIES, KEY_COST_FACTOR, ROW_OVERHEAD_BYTES } from './policy.ts';

/** Fewer bytes are evicted in steps. */
const MIN_EVICTED_BYTES = 512 * 1024;
/** Rows whose bytes are summed up at a time. */
const RUN_ROWS = 4096;
/** Items of one rank are evicted together; if that is more than this multiple of what is wanted, it is done in steps. */
const MAX_EXCESS = 1.25;

const COST = { overhead: ROW_OVERHEAD_BYTES, perKeyByte: KEY_COST_FACTOR };

/**
 * Evicts about `wantedBytes` in the order of the policy, in one transaction: walks the order up to the last victim, then deletes
 * everything up to it. With `sieve` a round of the hand ends it. Returns how many items; undefined, and evicts nothing, if that
 * should be done in steps.
 */
export function evictAtOnce(core: Core, wantedBytes: number): number | undefined {
  const { order, index, isSieve } = EVICTION_POLICIES[core.settings.evictionPolicy];
  if (wantedBytes < MIN_EVICTED_BYTES || order === null) return undefined;
  return attemptAtOnce(core, () => {
    const { sql } = core;
    prepareEvictionIndex(core);
    // Buffered reads raise ranks.
    flushAccesses(core, Number.POSITIVE_INFINITY);
    const columns = order.split(',').length;
    const hand = sql.counter.first('hand')?.[0] ?? 0;
    const all: EvictionRange = {
      order,
      index,
      skipsVisited: isSieve,
      after: isSieve ? [hand] : new Array<number>(columns).fill(Number.NEGATIVE_INFINITY),
      upTo: new Array<number>(columns).fill(Number.POSITIVE_INFINITY),
    };
    const { range, rows, bytes } = findVictims(core, all, wantedBytes);
    if (bytes > wantedBytes * MAX_EXCESS) return undefined;
    const selection = selectVictims(range);
    const deleted = deleteRows(core, { selection, rows, kind: 'evict', now: core.clock(), mayExceedLimit: true });
    if (deleted === undefined) return undefined;
    if (isSieve) moveHand(core, hand, range === all ? undefined : range.upTo[0]);
    if (evictionChannel.hasSubscribers) publishEviction(core, rows, bytes);
    return rows;
  });
}

interface Victims {
  readonly range: EvictionRange;
  readonly rows: number;
  readonly bytes: number;
}

/** Returns the beginning of a range that frees the bytes, or all of it if it frees fewer. */
function findVictims({ sql }: Core, all: EvictionRange, wantedBytes: number): Victims {
  let rows = 0;
  let bytes = 0;
  let { after } = all;
  for (;;) {
    const behind = readRankBehind(sql, { ...all, after }, RUN_ROWS);
    let run = { ...all, after, upTo: behind ?? all.upTo };
    let [runRows, runBytes] = sumVictims(sql, run, COST);
    const last = bytes + runBytes < wantedBytes ? undefined : readRankFreeing(sql, run, COST, wantedBytes - bytes);
    if (last !== undefined) {
      run = { ...run, upTo: last };
      [runRows, runBytes] = sumVictims(sql, run, COST);
    }
    rows += runRows;
    bytes += runBytes;
    if (last !== undefined) return { range: { ...all, upTo: last }, rows, bytes };
    if (behind === undefined) return { range: all, rows, bytes };
    after = behind;
  }
}

/** Items that the hand of `sieve` has passed are no longer `visited`. After the last item it starts again at the first. */
function moveHand({ sql }: Core, from: number, to: number | undefined): void {
  sql.unvisit.run(from, to ?? Number.MAX_SAFE_INTEGER);
  sql.setCounter.run(to ?? 0, 'hand');
}
