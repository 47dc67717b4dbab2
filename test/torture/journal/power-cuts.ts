import { execFile } from 'node:child_process';
import { getShimFault, getShimPath } from '../shim.ts';
import type { Replay, TortureReport, TortureSuite } from '../suite.ts';
import { bundleProgram, type SourceEdit } from './bundle.ts';
import { SMALL_GENERATIONS } from './tuning.ts';

const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

interface CutOptions extends Replay {
  /** From one seed to the next. Default 1. */
  readonly stride?: number;
  /** Stops at so many faults. Default Infinity. */
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
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [cutter, worker, ...[count, seed, stride, maxFaults].map(String), ...(only === undefined ? [] : [`${only}`])],
      {
        encoding: 'utf8',
        maxBuffer: MAX_OUTPUT_BYTES,
        env: { ...process.env, TORTURE_SHIM: getShimPath() },
      },
      (error, stdout, stderr) => {
        if (error === null) resolve(JSON.parse(stdout));
        else resolve({ figures: 'no figures', faults: [`cut-program.ts ended: ${error.signal ?? ''} ${stderr}`] });
      },
    );
  });
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
