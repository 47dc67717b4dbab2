/** How much is measured. */
export interface Scale {
  /** Items in a store, unless a question says otherwise. */
  readonly keys: number;
  /** Items of a store that is large. */
  readonly many: number;
  /** Timed operations per contender and round. */
  readonly operations: number;
  /** Measured rounds; one more, before them, warms up. */
  readonly rounds: number;
  /** Items of a store that takes minutes and gigabytes; 0 unless they were asked for. */
  readonly huge: number;
}

export const HUGE = 10_000_000;

export const FULL_SCALE: Scale = { keys: 100_000, many: 1_000_000, operations: 20_000, rounds: 5, huge: 0 };

/** Enough to see that everything runs and verifies; its times mean nothing. */
export const QUICK_SCALE: Scale = { keys: 400, many: 2_000, operations: 100, rounds: 2, huge: 0 };

/** What a figure counts; less is better in every unit. */
export type Unit = 'µs' | 'ms' | 'MiB' | '% misses' | 'fsyncs' | '% dropped';

/** One way of doing the work. */
export interface Contender {
  readonly name: string;
  /**
   * Does one round and answers its figure, per operation; round 0 is the warm-up. Throws when the work came out wrong, so a
   * figure is always of work that was done right.
   */
  round(number: number): number | Promise<number>;
}

/** A contender that is not there, and why. */
export interface SkippedContender {
  readonly name: string;
  readonly skipped: string;
}

/** What the figures have to show: the subject's by the other's at most `atMost`, or the other's by the subject's at least `timesFaster`. */
export type Goal = { readonly subject: string; readonly against: string } & (
  | { readonly atMost: number }
  | { readonly timesFaster: number }
);

/** Contenders that do the same work, to be measured in turns. */
export interface Comparison {
  readonly title: string;
  readonly unit: Unit;
  readonly contenders: readonly (Contender | SkippedContender)[];
  readonly goals: readonly Goal[];
}

/** One question, answered by comparisons. What a comparison needs stands while it is yielded, and is cleared away after. */
export interface Benchmark {
  readonly name: string;
  readonly asks: string;
  /** The comparisons have the same contenders and are easier to read as one table: a row each. */
  readonly asGrid?: boolean;
  comparisons(scale: Scale): AsyncGenerator<Comparison, void, void>;
}

/** What the contenders are called in the tables. */
export const BASELINE = 'bare better-sqlite3';
export const OURS = 'deskcache';
