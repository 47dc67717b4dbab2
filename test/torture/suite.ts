import { appendFileSync } from 'node:fs';

/** One way of tormenting the product. */
export interface TortureSuite {
  readonly name: string;
  /** How often in the long form (`npm run torture`), and in the short one that `npm test` runs. */
  readonly long: number;
  readonly short: number;
  /** Why it can't be run on this machine, if so. */
  readonly unavailable?: () => string | undefined;
  run(count: number, replay?: Replay): Promise<TortureReport>;
}

/** Which random numbers a suite uses, for those that are told their seed. */
export interface Replay {
  readonly seed?: number | undefined;
  /** The number of the one case that is done. */
  readonly only?: number | undefined;
}

export interface TortureReport {
  /** What was tried, and how often, in one line. */
  readonly figures: string;
  /** The faults, each with the information needed to reproduce it. */
  readonly faults: readonly string[];
}

/** Adds a line to the file that TORTURE_PROGRESS names, if any: a run of an hour that is stopped has then told something. */
export function tellProgress(line: string): void {
  const path = process.env['TORTURE_PROGRESS'];
  if (path !== undefined) appendFileSync(path, `${line}\n`);
}
