import type { DiskCacheError } from '../../../protocol/error.ts';
import { isTemporary } from '../temporary-directory.ts';
import { BusyRetry, endViews } from './busy-retry.ts';
import {
  beginBackup,
  type Column,
  type Database,
  type DatabaseBackup,
  loadDriver,
  type PreparedStatement,
  type RunResult,
  toLoadError,
} from './driver.ts';
import { toDiskCacheError } from './errors.ts';

/** The part of a database that `ReadSnapshot` uses. */
interface SnapshotDatabase {
  readonly inTransaction: boolean;
  prepare(sql: string): { run(): unknown };
}

/**
 * A read transaction shared by several reads: acquiring and releasing the lock is a third of the cost of a small read.
 *
 * Invariant: it is never held during a write, nor beyond the turn of the event loop that began it, so it can't block checkpoints.
 */
export class ReadSnapshot {
  isHeld = false;
  readonly #database: SnapshotDatabase;
  readonly #path: string;
  readonly #begin: { run(): unknown };
  readonly #end: { run(): unknown };
  readonly #rollback: { run(): unknown };

  constructor(database: SnapshotDatabase, path: string) {
    this.#database = database;
    this.#path = path;
    this.#begin = database.prepare('BEGIN');
    this.#end = database.prepare('COMMIT');
    this.#rollback = database.prepare('ROLLBACK');
  }

  /**
   * Ends the held snapshot and begins a new one, which sees everything committed before its first read.
   *
   * @throws {DiskCacheError} if SQLite refuses.
   */
  renew(): void {
    this.release();
    try {
      this.#begin.run();
    } catch (error) {
      throw toDiskCacheError(error, this.#path);
    }
    this.isHeld = true;
  }

  /**
   * Ends the snapshot. Nothing was written in it, so a rollback serves as well as a commit. After a failed read, SQLite may have ended
   * it already and then refuses to commit; the reader has got that error.
   *
   * @throws {DiskCacheError} if it can't be ended; it is then still held, and the next call tries again.
   */
  release(): void {
    if (!this.isHeld) return;
    try {
      this.#end.run();
    } catch {
      this.#rollBack();
    }
    this.isHeld = false;
  }

  /** Same as `release`, but ignores a failure: the next call tries again, and throws. */
  releaseQuietly(): void {
    try {
      this.release();
    } catch {
      // Still held.
    }
  }

  #rollBack(): void {
    if (!this.#database.inTransaction) return;
    try {
      this.#rollback.run();
    } catch (error) {
      if (this.#database.inTransaction) throw toDiskCacheError(error, this.#path);
    }
  }
}

export type { Column, RunResult } from './driver.ts';

/**
 * Changes that are in a write journal and not yet in the database (see `journal/`). Invariant: a statement never sees the database without
 * them. It applies them first, unless it looks up a key that has none.
 */
export class PendingWrites {
  /** Whether there are any. */
  hasAny = false;
  /** Whether anything was written to the database since the journal last looked. */
  hasDirectWrites = false;
  /** Returns whether a key has a pending change. */
  holds: (key: Column) => boolean = () => false;
  /** Applies all of them. @throws {DiskCacheError} */
  apply: () => void = () => {};

  /** Runs reads that are about the database alone. */
  ignoring<T>(read: () => T): T {
    const { hasAny } = this;
    this.hasAny = false;
    try {
      return read();
    } finally {
      this.hasAny = hasAny;
    }
  }
}

/** What a statement does, for those that do less than any statement may. */
export interface StatementUse {
  /** Reads from a held snapshot. */
  readonly usesSnapshot?: boolean;
  /** Reads rows of one key, its first parameter. */
  readonly isKeyed?: boolean;
}

/**
 * One prepared statement. Rows are arrays in the order of the selected columns. Errors are `DiskCacheError`s; locks of other
 * connections are waited for. A held snapshot ends before the statement runs, unless the statement reads from the snapshot. A
 * statement without rows writes or acquires a lock, so it ends the views of all stores.
 */
export class Statement<Bind extends readonly Column[] = readonly Column[], Row extends readonly unknown[] = Column[]> {
  readonly #snapshot: ReadSnapshot;
  readonly #busyRetry: BusyRetry;
  readonly #statement: PreparedStatement<Row>;
  readonly #usesSnapshot: boolean;
  readonly #isKeyed: boolean;
  readonly #pending: PendingWrites;

  constructor(
    snapshot: ReadSnapshot,
    busyRetry: BusyRetry,
    pending: PendingWrites,
    statement: PreparedStatement<Row>,
    { usesSnapshot = false, isKeyed = false }: StatementUse,
  ) {
    this.#snapshot = snapshot;
    this.#busyRetry = busyRetry;
    this.#pending = pending;
    this.#statement = statement.reader ? statement.raw() : statement;
    this.#usesSnapshot = usesSnapshot;
    this.#isKeyed = isKeyed;
  }

  /** Runs a statement that returns no rows. */
  run(...bind: Bind): RunResult {
    if (this.#pending.hasAny) this.#pending.apply();
    endViews();
    if (this.#snapshot.isHeld) this.#snapshot.release();
    let result: RunResult;
    try {
      result = this.#statement.run(...bind);
    } catch (error) {
      result = this.#busyRetry.retry(error, () => this.#statement.run(...bind));
    }
    if (result.changes > 0) this.#pending.hasDirectWrites = true;
    return result;
  }

  first(...bind: Bind): Row | undefined {
    if (this.#pending.hasAny && !(this.#isKeyed && !this.#pending.holds(bind[0]!))) this.#pending.apply();
    return this.firstStored(...bind);
  }

  /** Same as `first`, for a reader that has looked at the pending changes itself: returns what is in the database without them. */
  firstStored(...bind: Bind): Row | undefined {
    if (this.#snapshot.isHeld && !this.#usesSnapshot) this.#snapshot.release();
    try {
      return this.#statement.get(...bind);
    } catch (error) {
      return this.#busyRetry.retry(error, () => this.#statement.get(...bind));
    }
  }

  all(...bind: Bind): Row[] {
    if (this.#pending.hasAny) this.#pending.apply();
    if (this.#snapshot.isHeld) this.#snapshot.release();
    return this.allStored(...bind);
  }

  /** Same as `all`, for a reader that has looked at the pending changes itself: returns what is in the database without them. */
  allStored(...bind: Bind): Row[] {
    if (this.#snapshot.isHeld && !this.#usesSnapshot) this.#snapshot.release();
    try {
      return this.#statement.all(...bind);
    } catch (error) {
      return this.#busyRetry.retry(error, () => this.#statement.all(...bind));
    }
  }

  /** Same as `all`, for a statement that writes and returns at most one row. Reading to the end reports a failed commit. */
  write(...bind: Bind): Row[] {
    endViews();
    const rows = this.all(...bind);
    this.#pending.hasDirectWrites = true;
    return rows;
  }

  /** Calls `onRow` with each row until it returns false. The statement is finished when this method returns. */
  each(onRow: (row: Row) => boolean, ...bind: Bind): void {
    if (this.#pending.hasAny) this.#pending.apply();
    if (this.#snapshot.isHeld) this.#snapshot.release();
    // SQLite refuses a lock before the first row or never.
    const start = () => {
      const rows = this.#statement.iterate(...bind);
      return { rows, first: rows.next() };
    };
    let started: ReturnType<typeof start>;
    try {
      started = start();
    } catch (error) {
      started = this.#busyRetry.retry(error, start);
    }
    try {
      for (let next = started.first; !next.done; next = started.rows.next()) if (!onRow(next.value)) return;
    } catch (error) {
      throw this.#busyRetry.translate(error);
    } finally {
      started.rows.return?.();
    }
  }
}

export interface ConnectionOptions {
  readonly readOnly: boolean;
  /** Milliseconds to wait for a lock. */
  readonly timeout: number;
  /** Whether the application gave `timeout`. */
  readonly isTimeoutChosen?: boolean;
  /** The bytes of the file, read instead of it if SQLite can't create its log and shared memory beside it. */
  readonly image?: Buffer | undefined;
}

/** SQLite takes a larger number for 0. */
const MAX_CACHE_KIB = 2 ** 31 - 1;

/** One connection to one database file. */
export class Connection {
  readonly path: string;
  /** Whether it reads a copy of the file in memory, and holds no lock. */
  readonly isCopy: boolean;
  readonly #database: Database;
  readonly #busyRetry: BusyRetry;
  /** An unchanging view of the database for several reads; see `cache/read.ts`. */
  readonly snapshot: ReadSnapshot;
  readonly pending = new PendingWrites();

  constructor(path: string, { readOnly, timeout, isTimeoutChosen = false, image }: ConnectionOptions) {
    const Driver = loadDriver();
    this.path = path;
    this.isCopy = image !== undefined;
    try {
      // No timeout of SQLite's: its sleeps grow to 100 ms, which starves a waiter beside a busy writer.
      const options = { readonly: readOnly, fileMustExist: readOnly && image === undefined, timeout: 0 };
      this.#database = new Driver(image ?? path, options);
    } catch (error) {
      throw toDiskCacheError(toLoadError(error), path);
    }
    this.snapshot = new ReadSnapshot(this.#database, path);
    this.#busyRetry = new BusyRetry(
      path,
      timeout,
      isTimeoutChosen,
      () => this.#database.inTransaction && !this.snapshot.isHeld,
    );
    // The file may be hostile (https://sqlite.org/security.html). The driver sets SQLITE_DBCONFIG_DEFENSIVE.
    for (const setting of ['trusted_schema = OFF', 'cell_size_check = ON']) this.pragma(setting);
  }

  get isOpen(): boolean {
    return this.#database.open;
  }

  /** The last error of SQLite or its driver since `clearLastFailure`. */
  get lastFailure(): DiskCacheError | undefined {
    return this.#busyRetry.lastFailure;
  }

  /** Clears `lastFailure` before a transaction, so that it tells only of that transaction. */
  clearLastFailure(): void {
    this.#busyRetry.lastFailure = undefined;
  }

  /** Whether a transaction is open, the snapshot's included. */
  get inTransaction(): boolean {
    return this.#database.inTransaction;
  }

  prepare<Bind extends readonly Column[], Row extends readonly unknown[] = Column[]>(
    sql: string,
    use: StatementUse = {},
  ): Statement<Bind, Row> {
    const prepared = this.withRetry(() => this.#database.prepare<Row>(sql));
    return new Statement<Bind, Row>(this.snapshot, this.#busyRetry, this.pending, prepared, use);
  }

  /** Runs SQL that has no parameters and returns no rows. */
  execute(sql: string): void {
    if (this.pending.hasAny) this.pending.apply();
    this.pending.hasDirectWrites = true;
    this.withRetry(() => this.#database.exec(sql));
  }

  /** Reads or sets a pragma. Returns its first column. */
  pragma(text: string): unknown {
    if (this.pending.hasAny) this.pending.apply();
    return this.withRetry(() => this.#database.pragma(text, { simple: true }));
  }

  /** `FULL`: commits survive a power cut. `NORMAL`: they survive a crash of the process. In a temporary directory nothing is synced. */
  setSynchronous(level: 'FULL' | 'NORMAL'): void {
    this.pragma(`synchronous = ${isTemporary(this.path) ? 'OFF' : level}`);
  }

  /** Sets how many bytes of pages are kept in memory, in whole KiB. SQLite keeps at least a few pages. */
  setCacheSize(bytes: number): void {
    this.pragma(`cache_size = ${-Math.min(Math.max(1, Math.floor(bytes / 1024)), MAX_CACHE_KIB)}`);
  }

  /** Begins to copy the database over another file; see `beginBackup`. What is pending in a journal isn't applied. */
  beginBackup(path: string): DatabaseBackup {
    return this.withRetry(() => beginBackup(this.#database, path));
  }

  /** Returns the bytes of the database as this connection sees it, its log included. O(bytes). */
  serialize(): Buffer {
    return this.withRetry(() => this.#database.serialize());
  }

  /** Runs `work` without waiting for locks. */
  withoutRetry(work: () => void): void {
    this.#busyRetry.withoutRetry(work);
  }

  /** Defines a function for the SQL of this connection. Triggers and indexes in the file can't call it. */
  defineFunction(name: string, implementation: (argument: Column) => Column): void {
    this.#database.function(name, { directOnly: true }, implementation);
  }

  close(): void {
    // A snapshot that can't be ended must not keep the file open.
    this.snapshot.releaseQuietly();
    this.snapshot.isHeld = false;
    this.withRetry(() => this.#database.close());
  }

  /** Runs repeatable work, and retries it while another connection holds the lock. @throws {DiskCacheError} as `BusyRetry.retry` */
  withRetry<T>(work: () => T): T {
    if (this.snapshot.isHeld) this.snapshot.release();
    try {
      return work();
    } catch (error) {
      return this.#busyRetry.retry(error, work);
    }
  }
}
