import type { DiskCacheError } from '../../../protocol/error.ts';
import { BusyRetry, endViews } from './busy-retry.ts';
import {
  type Column,
  type Database,
  loadDriver,
  type PreparedStatement,
  type RunResult,
  toLoadError,
} from './driver.ts';
import { toDiskCacheError } from './errors.ts';

/** What it asks of a database connection. */
interface SnapshotDatabase {
  readonly inTransaction: boolean;
  prepare(sql: string): { run(): unknown };
}

/**
 * A read transaction around several reads: taking and dropping the lock costs a third of a small read. Invariant: it is never
 * held while something is written, nor beyond the turn of the event loop that began it, so it can't keep the log from shrinking.
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
   * Ends the one that is held and begins the next, which sees what is committed when it is first read from.
   *
   * @throws {DiskCacheError} what SQLite has refused.
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
   * Nothing was written in it, so it may end either way. After a read that failed SQLite may have ended it already, and refuses to
   * commit; the reader has been told then.
   *
   * @throws {DiskCacheError} when it can't be ended; it is held still, and the next call tries again.
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

  /** `release` without a caller to catch a failure. The next call tries again, and throws. */
  releaseQuietly(): void {
    try {
      this.release();
    } catch {
      // Held still.
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
 * One prepared statement. Rows are arrays in the order of the selected columns; failures arrive as `DiskCacheError`, and a
 * lock that somebody else holds is waited for. A held snapshot ends before it runs, unless it is one that rides on it; what
 * gives no rows writes or takes a lock, and ends the views of all stores.
 */
export class Statement<Bind extends readonly Column[] = readonly Column[], Row extends readonly unknown[] = Column[]> {
  readonly #snapshot: ReadSnapshot;
  readonly #busyRetry: BusyRetry;
  readonly #statement: PreparedStatement<Row>;
  readonly #usesSnapshot: boolean;

  constructor(snapshot: ReadSnapshot, patience: BusyRetry, statement: PreparedStatement<Row>, rides: boolean) {
    this.#snapshot = snapshot;
    this.#busyRetry = patience;
    this.#statement = statement.reader ? statement.raw() : statement;
    this.#usesSnapshot = rides;
  }

  /** Runs a statement that gives no rows. */
  run(...bind: Bind): RunResult {
    endViews();
    if (this.#snapshot.isHeld) this.#snapshot.release();
    try {
      return this.#statement.run(...bind);
    } catch (error) {
      return this.#busyRetry.retry(error, () => this.#statement.run(...bind));
    }
  }

  first(...bind: Bind): Row | undefined {
    if (this.#snapshot.isHeld && !this.#usesSnapshot) this.#snapshot.release();
    try {
      return this.#statement.get(...bind);
    } catch (error) {
      return this.#busyRetry.retry(error, () => this.#statement.get(...bind));
    }
  }

  all(...bind: Bind): Row[] {
    if (this.#snapshot.isHeld) this.#snapshot.release();
    try {
      return this.#statement.all(...bind);
    } catch (error) {
      return this.#busyRetry.retry(error, () => this.#statement.all(...bind));
    }
  }

  /** `all` of a statement that writes. All rows, though there is one at most: so it runs to its end, and a commit that fails is told. */
  write(...bind: Bind): Row[] {
    endViews();
    return this.all(...bind);
  }

  /** Hands rows to `take` until it answers false. The statement is finished when this returns. */
  each(take: (row: Row) => boolean, ...bind: Bind): void {
    if (this.#snapshot.isHeld) this.#snapshot.release();
    // A lock is refused before the first row, or never.
    const start = () => {
      const rows = this.#statement.iterate(...bind);
      return { rows, first: rows.next() };
    };
    let begun: ReturnType<typeof start>;
    try {
      begun = start();
    } catch (error) {
      begun = this.#busyRetry.retry(error, start);
    }
    try {
      for (let next = begun.first; !next.done; next = begun.rows.next()) if (!take(next.value)) return;
    } catch (error) {
      throw this.#busyRetry.translate(error);
    } finally {
      begun.rows.return?.();
    }
  }
}

export interface ConnectionOptions {
  readonly readOnly: boolean;
  /** Milliseconds to wait for a lock. */
  readonly timeout: number;
  /** Whether the application gave that time. */
  readonly isTimeoutChosen?: boolean;
  /** The bytes of the file, to be read in its place: where SQLite can't put its log and its shared memory beside it. */
  readonly image?: Buffer | undefined;
}

/** One connection to one database file. */
export class Connection {
  readonly path: string;
  readonly #database: Database;
  readonly #busyRetry: BusyRetry;
  /** A view of the database that does not change, for several reads; see `cache/read.ts`. */
  readonly snapshot: ReadSnapshot;

  constructor(path: string, { readOnly, timeout, isTimeoutChosen = false, image }: ConnectionOptions) {
    const Driver = loadDriver();
    this.path = path;
    try {
      // Without a timeout of its own: its sleeps grow to 100 ms, which starves whoever waits beside a busy writer.
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
    // The file may have been made to do harm (https://sqlite.org/security.html). The driver sets SQLITE_DBCONFIG_DEFENSIVE.
    for (const setting of ['trusted_schema = OFF', 'cell_size_check = ON']) this.pragma(setting);
  }

  get isOpen(): boolean {
    return this.#database.open;
  }

  /** What SQLite or its driver has refused last, since `forgetFailure`. */
  get lastFailure(): DiskCacheError | undefined {
    return this.#busyRetry.lastFailure;
  }

  /** Before a transaction, whose own failures are asked for. */
  clearLastFailure(): void {
    this.#busyRetry.lastFailure = undefined;
  }

  /** True between BEGIN and COMMIT or ROLLBACK. */
  get inTransaction(): boolean {
    return this.#database.inTransaction;
  }

  prepare<Bind extends readonly Column[], Row extends readonly unknown[] = Column[]>(
    sql: string,
    rides = false,
  ): Statement<Bind, Row> {
    const prepared = this.withRetry(() => this.#database.prepare<Row>(sql));
    return new Statement<Bind, Row>(this.snapshot, this.#busyRetry, prepared, rides);
  }

  /** Runs SQL text without parameters or rows. */
  execute(sql: string): void {
    this.withRetry(() => this.#database.exec(sql));
  }

  /** Asks or sets a pragma; answers its first column. */
  pragma(text: string): unknown {
    return this.withRetry(() => this.#database.pragma(text, { simple: true }));
  }

  /** Runs `work` without waiting for locks. */
  withoutRetry(work: () => void): void {
    this.#busyRetry.withoutRetry(work);
  }

  /** Makes a function known to the SQL of this connection, but not to triggers and indexes that stand in the file. */
  defineFunction(name: string, answer: (argument: Column) => Column): void {
    this.#database.function(name, { directOnly: true }, answer);
  }

  close(): void {
    // A view that can't be ended must not keep the file open.
    this.snapshot.releaseQuietly();
    this.snapshot.isHeld = false;
    this.withRetry(() => this.#database.close());
  }

  /** Runs what can be run again, and runs it again while somebody else holds the lock. */
  withRetry<T>(work: () => T): T {
    if (this.snapshot.isHeld) this.snapshot.release();
    try {
      return work();
    } catch (error) {
      return this.#busyRetry.retry(error, work);
    }
  }
}
