import { DiskCacheError } from '../../protocol/error.ts';
import type { JobCounts } from '../../protocol/job.ts';
import type { Index, Key } from '../engine/index.ts';
import { isDamage, type ProcessIdentity } from '../engine/internal.ts';
import { KeyWindow } from './key-window.ts';

/** The rows of one kind in an index; their keys are `[name, ...path]`. */
class Table<Path extends readonly Key[], Row> {
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

  /** Deletes a row. Returns whether there was one. */
  delete(...path: Path): boolean {
    return this.#index.delete(this.key(...path));
  }

  /** Forgets what is kept of the rows in memory. */
  forget(): void {}

  clear(): void {
    for (const path of [...this.keys()]) this.delete(...path);
  }

  /** Returns the first `count` paths that begin with `within`, in key order. */
  firstKeys(count: number, ...within: readonly Key[]): Path[] {
    const keys = this.#index.keys({ order: 'key', prefix: [this.name, ...within], limit: count });
    return Array.from(keys, toPath<Path>);
  }

  /** Returns the first `count` paths from a path on, in key order. */
  keysFrom(count: number, from: readonly Key[] = []): Path[] {
    const range = { order: 'key', prefix: [this.name], from: [this.name, ...from], limit: count } as const;
    return Array.from(this.#index.keys(range), toPath<Path>);
  }

  /** Iterates lazily over all paths in key order; rows may change during the iteration. */
  *keys(): Generator<Path, void, undefined> {
    for (const key of this.#index.keys({ order: 'key', prefix: [this.name] })) {
      yield toPath<Path>(key);
    }
  }

  /** Returns all rows with their paths. For tables with few rows. */
  entries(): [Path, Row][] {
    const entries = this.#index.entries({ order: 'key', prefix: [this.name] });
    return Array.from(entries, ([key, row]) => [toPath<Path>(key), row as Row]);
  }
}

/** A table in the order of the schedule, whose first keys are in memory. */
class ScheduleTable<Row> extends Table<[number, number], Row> {
  readonly #window = new KeyWindow();

  override put(path: [number, number], row: Row): void {
    super.put(path, row);
    this.#window.add(path);
  }

  override delete(...path: [number, number]): boolean {
    this.#window.delete(path);
    return super.delete(...path);
  }

  override firstKeys(count: number): [number, number][] {
    return this.#window.first(count, (wanted) => super.firstKeys(wanted)) as [number, number][];
  }

  override forget(): void {
    this.#window.forget();
  }
}

const toPath = <Path>(key: Key): Path => (key as readonly Key[]).slice(1) as Path;

/** A job as it was enqueued; never changes. On disk. */
export interface JobRow {
  readonly payload: unknown;
  readonly priority: number;
  readonly enqueuedAt: number;
  readonly group?: Key;
  readonly dedupeKey?: Key;
}

/** An attempt. On disk. Invariant: an attempt is ended only with its `ticket`, and no ticket is given twice. */
export interface RunningRow {
  readonly worker: string;
  readonly ticket: number;
  readonly attempt: number;
  readonly startedAt: number;
}

/** A worker and the end of its lease, which covers all its jobs. On disk. */
export interface WorkerRow extends ProcessIdentity {
  readonly until: number;
  /** Milliseconds from the last renewal to `until`. Older versions did not write it. */
  readonly lease?: number;
}

/** The last failure of a job. On disk. */
export interface FailedRow {
  readonly attempts: number;
  readonly error: string;
  readonly failedAt: number;
}

interface HeldRow {
  readonly priority: number;
  readonly dueAt: number;
}

/** The number of jobs by state, and the last id and ticket given. On disk. */
export interface CountersRow extends JobCounts {
  /** When it was last written, to detect a clock that was set back. Older versions did not write it. */
  readonly at?: number;
  readonly id: number;
  readonly ticket: number;
  /** The export that was or is being imported. Absent without one. */
  readonly imported?: ImportedRow;
}

/** How far an import has come: the time of its export, and the last job of it. On disk. */
export interface ImportedRow {
  readonly exportedAt: number;
  readonly id: number;
}

/**
 * The tables on disk, see docs/disk-format.md.
 *
 * Invariants: every job is in exactly one of `ready`, `delayed`, `held`, `running` and `dead`. Exactly one job of a group is `ready`,
 * `delayed` or `running`, and `heads` names it.
 */
export interface Tables {
  readonly counters: Table<[], CountersRow>;
  readonly paused: Table<[], true>;
  readonly jobs: Table<[id: number], JobRow>;
  /** In the order in which jobs start. */
  readonly ready: Table<[negativePriority: number, id: number], null>;
  /** The time when a job is due. */
  readonly delayed: Table<[id: number], number>;
  /** The same jobs in the order of their times, with their priorities. */
  readonly due: Table<[dueAt: number, id: number], number>;
  readonly held: Table<[group: Key, id: number], HeldRow>;
  readonly heads: Table<[group: Key], number>;
  readonly dedupe: Table<[dedupeKey: Key], number>;
  readonly running: Table<[id: number], RunningRow>;
  readonly workers: Table<[worker: string], WorkerRow>;
  readonly progress: Table<[id: number], unknown>;
  readonly failed: Table<[id: number], FailedRow>;
  /** The time when a job died. */
  readonly dead: Table<[id: number], number>;
}

/** The first part of their keys. On disk. */
const TABLE_NAMES = {
  counters: 'tally',
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

/** The tables that are read in order for each job. */
const SCHEDULE_TABLES: ReadonlySet<string> = new Set([TABLE_NAMES.ready, TABLE_NAMES.due]);

/** With `isExclusive` no other process changes the rows, so that the next jobs are kept in memory. */
export const openTables = (index: Index, isExclusive = false): Tables =>
  Object.fromEntries(
    Object.entries(TABLE_NAMES).map(([table, name]) => [
      table,
      isExclusive && SCHEDULE_TABLES.has(name) ? new ScheduleTable(index, name) : new Table(index, name),
    ]),
  ) as unknown as Tables;

/** Returns whether an index holds a queue. */
export const isQueueIndex = (index: Index): boolean => index.has([TABLE_NAMES.counters]);

/** Returns the number of jobs that are not done, in an index that holds a queue. */
export function countJobs(index: Index): number {
  const { ready = 0, delayed = 0, held = 0, running = 0, dead = 0 } = openTables(index).counters.get() ?? {};
  return ready + delayed + held + running + dead;
}

/** After a rollback or a repair: what is in memory may not be what is on disk. */
export function forgetSchedule({ ready, due }: Tables): void {
  ready.forget();
  due.forget();
}

/** A job, with an error if its row is damaged. */
export interface FoundJob extends JobRow {
  readonly damage?: DiskCacheError;
}

/** The value, or why it can't be read now, which says nothing about its content. */
export type ReadResult<T> = { readonly value: T } | { readonly error: DiskCacheError };

/**
 * Returns the row of a job. If it is damaged, returns what other rows tell about the job, so that it can't block its group and dedupe
 * key forever; this is O(groups + dedupe keys), else O(log n).
 *
 * @throws {DiskCacheError} if the row can't be read now.
 */
export function readJob(tables: Tables, id: number): FoundJob {
  try {
    const row = tables.jobs.get(id);
    if (row !== undefined) return row;
    return { ...recoverJobRow(tables, id), damage: new DiskCacheError('CORRUPT', `Job ${id} has no row; remove it`) };
  } catch (error) {
    if (!isDamage(error)) throw error;
    return { ...recoverJobRow(tables, id), damage: error };
  }
}

/** Reads rows of a job. Returns an error instead of throwing it, so that one unreadable job doesn't hold up others. */
export function tryReadRows<T>(work: () => T): ReadResult<T> {
  try {
    return { value: work() };
  } catch (error) {
    if (!(error instanceof DiskCacheError)) throw error;
    return { error };
  }
}

/** Reads a row that a job can do without. Returns undefined also if the row is damaged. */
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
