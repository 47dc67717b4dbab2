import type { Counts } from '../../../protocol/job.ts';
import type { Index, Key } from '../../engine/index.ts';
import type { Owner } from '../../engine/internal.ts';
import { Shelf } from './shelf.ts';

/** What a job is, written once. */
export interface JobRow {
  readonly payload: unknown;
  readonly priority: number;
  readonly enqueuedAt: number;
  readonly group?: Key;
  readonly dedupeKey?: Key;
}

/** Who works on a job. Invariant: only who knows the `ticket` may end this attempt, and none is given twice. */
export interface RunningRow {
  readonly worker: string;
  readonly ticket: number;
  readonly attempt: number;
  readonly startedAt: number;
}

/** A worker and the end of its lease, which is that of all its jobs. */
export interface WorkerRow extends Owner {
  readonly until: number;
  /** Milliseconds from its last sign of life to `until`. Absent in what older versions wrote. */
  readonly lease?: number;
}

/** The last failure of a job that has not been done since. */
export interface FailedRow {
  readonly attempts: number;
  readonly error: string;
  readonly failedAt: number;
}

export interface HeldRow {
  readonly priority: number;
  readonly dueAt: number;
}

/** How many there are, and the last id and the last ticket that were given. */
export interface TallyRow extends Counts {
  /** When it was last written: a clock that was set back since is noticed by it. Absent in what older versions wrote. */
  readonly at?: number;
  readonly id: number;
  readonly ticket: number;
}

/**
 * What is on disk, docs/disk-format.md. Invariants: a job is on exactly one of `ready`, `delayed`, `held`, `running` and
 * `dead`; of a group, exactly one is on the first, second or fourth of them, and `heads` says which.
 */
export interface Shelves {
  readonly tally: Shelf<[], TallyRow>;
  readonly paused: Shelf<[], true>;
  readonly jobs: Shelf<[id: number], JobRow>;
  /** In the order in which they are begun. */
  readonly ready: Shelf<[negativePriority: number, id: number], null>;
  /** When. */
  readonly delayed: Shelf<[id: number], number>;
  /** The same in the order of time, with the priority. */
  readonly due: Shelf<[dueAt: number, id: number], number>;
  readonly held: Shelf<[group: Key, id: number], HeldRow>;
  readonly heads: Shelf<[group: Key], number>;
  readonly dedupe: Shelf<[dedupeKey: Key], number>;
  readonly running: Shelf<[id: number], RunningRow>;
  readonly workers: Shelf<[worker: string], WorkerRow>;
  readonly progress: Shelf<[id: number], unknown>;
  readonly failed: Shelf<[id: number], FailedRow>;
  /** Since when. */
  readonly dead: Shelf<[id: number], number>;
}

/** The first word of their keys. */
const NAMES = {
  tally: 'tally',
  paused: 'paused',
  jobs: 'job',
  ready: 'ready',
  delayed: 'delayed',
  due: 'due',
  held: 'held',
  heads: 'head',
  dedupe: 'dedupe',
  running: 'running',
  workers: 'worker',
  progress: 'progress',
  failed: 'failed',
  dead: 'dead',
} as const satisfies Record<keyof Shelves, string>;

export const isShelfName = (word: unknown): boolean => (Object.values(NAMES) as unknown[]).includes(word);

export const shelvesIn = (index: Index): Shelves =>
  Object.fromEntries(
    Object.entries(NAMES).map(([shelf, word]) => [shelf, new Shelf(index, word)]),
  ) as unknown as Shelves;
