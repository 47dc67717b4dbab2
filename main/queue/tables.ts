import { DiskCacheError } from '../../protocol/error.ts';
import type { JobCounts } from '../../protocol/job.ts';
import type { Index, Key } from '../engine/index.ts';
import { isDamage, type ProcessIdentity } from '../engine/internal.ts';

/** Rows of one kind in an index, under keys that begin with its name: `[name, ...path]`. */
export class Table<Path extends readonly Key[], Row> {
  readonly name: string;
  readonly #index: Index;

  constructor(index: Index, name: string) {
    this.#index = index;
    this.name = name;
  }

  key(...path: Path): Key {
    return [this.name, ...path];
  }

  get(...path: Path): Row | undefined {
    return this.#index.get(this.key(...path)) as Row | undefined;
  }

  has(...path: Path): boolean {
    return this.#index.has(this.key(...path));
  }

  put(path: Path, row: Row): void {
    this.#index.set(this.key(...path), row);
  }

  /** Whether there was such a row. */
  delete(...path: Path): boolean {
    return this.#index.delete(this.key(...path));
  }

  clear(): void {
    for (const path of [...this.keys()]) this.delete(...path);
  }

  /** The first `count` paths that begin with `within`, in key order, all read before the first is returned. */
  firstKeys(count: number, ...within: readonly Key[]): Path[] {
    const keys = this.#index.keys({ order: 'key', prefix: [this.name, ...within], limit: count });
    return Array.from(keys, toPath<Path>);
  }

  /** The first `count` paths from one on, in key order, all read before the first is returned. */
  keysFrom(count: number, from: readonly Key[] = []): Path[] {
    const range = { order: 'key', prefix: [this.name], from: [this.name, ...from], limit: count } as const;
    return Array.from(this.#index.keys(range), toPath<Path>);
  }

  /** All paths in key order, page by page: rows may change in between. */
  *keys(): Generator<Path, void, undefined> {
    for (const key of this.#index.keys({ order: 'key', prefix: [this.name] })) {
      yield toPath<Path>(key);
    }
  }

  /** All rows with their paths, read before any is answered. For shelves with few rows. */
  entries(): [Path, Row][] {
    const entries = this.#index.entries({ order: 'key', prefix: [this.name] });
    return Array.from(entries, ([key, row]) => [toPath<Path>(key), row as Row]);
  }
}

const toPath = <Path>(key: Key): Path => (key as readonly Key[]).slice(1) as Path;

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
export interface WorkerRow extends ProcessIdentity {
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
export interface CountersRow extends JobCounts {
  /** When it was last written: a clock that was set back since is noticed by it. Absent in what older versions wrote. */
  readonly at?: number;
  readonly id: number;
  readonly ticket: number;
}

/**
 * What is on disk, docs/disk-format.md. Invariants: a job is on exactly one of `ready`, `delayed`, `held`, `isRunning` and
 * `dead`; of a group, exactly one is on the first, second or fourth of them, and `heads` says which.
 */
export interface Tables {
  readonly tally: Table<[], CountersRow>;
  readonly paused: Table<[], true>;
  readonly jobs: Table<[id: number], JobRow>;
  /** In the order in which they are begun. */
  readonly ready: Table<[negativePriority: number, id: number], null>;
  /** When. */
  readonly delayed: Table<[id: number], number>;
  /** The same in the order of time, with the priority. */
  readonly due: Table<[dueAt: number, id: number], number>;
  readonly held: Table<[group: Key, id: number], HeldRow>;
  readonly heads: Table<[group: Key], number>;
  readonly dedupe: Table<[dedupeKey: Key], number>;
  readonly running: Table<[id: number], RunningRow>;
  readonly workers: Table<[worker: string], WorkerRow>;
  readonly progress: Table<[id: number], unknown>;
  readonly failed: Table<[id: number], FailedRow>;
  /** Since when. */
  readonly dead: Table<[id: number], number>;
}

/** The first word of their keys. */
const TABLE_NAMES = {
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
} as const satisfies Record<keyof Tables, string>;

export const isTableName = (word: unknown): boolean => (Object.values(TABLE_NAMES) as unknown[]).includes(word);

export const openTables = (index: Index): Tables =>
  Object.fromEntries(
    Object.entries(TABLE_NAMES).map(([shelf, word]) => [shelf, new Table(index, word)]),
  ) as unknown as Tables;

/** A job that is to be handled: with what is wrong when its row is damaged. */
export interface FoundJob extends JobRow {
  readonly damage?: DiskCacheError;
}

/** What was read; or why it can't be read now, which says nothing about what is there. */
export type ReadResult<T> = { readonly value: T } | { readonly refused: DiskCacheError };

/**
 * The row of a job; throws when it can't be read now. Of a damaged one, what other rows tell of it: its group and its key must not be blocked for ever by a
 * job that can't be read. O(groups + keys) then, else O(log n).
 */
export function readJob(shelves: Tables, id: number): FoundJob {
  try {
    const row = shelves.jobs.get(id);
    if (row !== undefined) return row;
    return { ...recoverJobRow(shelves, id), damage: new DiskCacheError('CORRUPT', `Job ${id} has no row; remove it`) };
  } catch (error) {
    if (!isDamage(error)) throw error;
    return { ...recoverJobRow(shelves, id), damage: error };
  }
}

/** Reads rows of a job, one of which may be unreadable: other jobs needn't wait for it. */
export function tryReadRows<T>(work: () => T): ReadResult<T> {
  try {
    return { value: work() };
  } catch (error) {
    if (!(error instanceof DiskCacheError)) throw error;
    return { refused: error };
  }
}

/** A row about a job without which the job can be handled; undefined also when it is damaged. */
export function unlessDamaged<T>(read: () => T | undefined): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!isDamage(error)) throw error;
    return undefined;
  }
}

function recoverJobRow({ heads, dedupe }: Tables, id: number): JobRow {
  const group = heads.entries().find(([, head]) => head === id)?.[0][0];
  const dedupeKey = dedupe.entries().find(([, holder]) => holder === id)?.[0][0];
  return {
    payload: undefined,
    priority: 0,
    enqueuedAt: 0,
    ...(group !== undefined && { group }),
    ...(dedupeKey !== undefined && { dedupeKey }),
  };
}
