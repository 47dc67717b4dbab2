import { getShimFault } from '../shim.ts';
import type { Replay, TortureReport, TortureSuite } from '../suite.ts';
import { bundleProgram, type SourceEdit } from './bundle.ts';
import { runProgram } from './run-program.ts';
import { SMALL_GENERATIONS } from './tuning.ts';

interface CutOptions extends Replay {
  /** From one seed to the next. Default 1. */
  readonly stride?: number;
  /** Stops at this many faults. Default Infinity. */
  readonly maxFaults?: number;
}

/** Cuts the power while programs with these edits work. */
export async function cutPower(
  count: number,
  label: string,
  edits: readonly SourceEdit[],
  { seed = 1, only, stride = 1, maxFaults = Number.POSITIVE_INFINITY }: CutOptions = {},
): Promise<TortureReport> {
  const [worker, cutter] = await Promise.all([
    bundleProgram('worker.ts', label, edits),
    bundleProgram('cut-program.ts', label, edits),
  ]);
  const options = [count, seed, stride, maxFaults].map(String);
  return runProgram([cutter, worker, ...options, ...(only === undefined ? [] : [`${only}`])]);
}

/**
 * The power may go at any moment, and what was not synced goes with it, or some sectors of it, of journals and SQLite's files alike: with
 * 'power' every acknowledged step is there; with 'process' a prefix of them.
 */
export const journalCutSuite: TortureSuite = {
  name: 'journal-cuts',
  long: 2400,
  short: 60,
  unavailable: getShimFault,
  run: (count, replay) => cutPower(count, 'small', SMALL_GENERATIONS, replay),
};
