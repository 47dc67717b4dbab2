/** One way of tormenting the product. */
export interface TortureSuite {
  readonly name: string;
  /** How often in the long form (`npm run torture`), and in the short one that `npm test` runs. */
  readonly long: number;
  readonly short: number;
  /** Why it can't be run on this machine, if so. */
  readonly unavailable?: () => string | undefined;
  run(count: number): Promise<TortureReport>;
}

export interface TortureReport {
  /** What was tried, and how often, in one line. */
  readonly figures: string;
  /** The faults, each with the information needed to reproduce it. */
  readonly faults: readonly string[];
}
