import type { DiskCacheError } from '../../../protocol/error.ts';
import { type Column, type Database, loadDriver, type Prepared, type Ran, toLoadError } from './driver.ts';
import { failure } from './failure.ts';
import { Patience } from './patience.ts';
import { Snapshot } from './snapshot.ts';
import { endViews } from './views.ts';

export type { Column, Ran } from './driver.ts';

/**
 * One prepared statement. Rows are arrays in the order of the selected columns; failures arrive as `DiskCacheError`, and a
 * lock that somebody else holds is waited for. A held snapshot ends before it runs, unless it is one that rides on it; what
 * gives no rows writes or takes a lock, and ends the views of all stores.
 */
export class Statement<Bind extends readonly Column[] = readonly Column[], Row extends readonly unknown[] = Column[]> {
  readonly #snapshot: Snapshot;
  readonly #patience: Patience;
  readonly #statement: Prepared<Row>;
  readonly #rides: boolean;

  constructor(snapshot: Snapshot, patience: Patience, statement: Prepared<Row>, rides: boolean) {
    this.#snapshot = snapshot;
    this.#patience = patience;
    this.#statement = statement.reader ? statement.raw() : statement;
    this.#rides = rides;
  }

  /** Runs a statement that gives no rows. */
  run(...bind: Bind): Ran {
    endViews();
    if (this.#snapshot.held) this.#snapshot.release();
    try {
      return this.#statement.run(...bind);
    } catch (error) {
      return this.#patience.retry(error, () => this.#statement.run(...bind));
    }
  }

  first(...bind: Bind): Row | undefined {
    if (this.#snapshot.held && !this.#rides) this.#snapshot.release();
    try {
      return this.#statement.get(...bind);
    } catch (error) {
      return this.#patience.retry(error, () => this.#statement.get(...bind));
    }
  }

  all(...bind: Bind): Row[] {
    if (this.#snapshot.held) this.#snapshot.release();
    try {
      return this.#statement.all(...bind);
    } catch (error) {
      return this.#patience.retry(error, () => this.#statement.all(...bind));
    }
  }

  /** `all` of a statement that writes. All rows, though there is one at most: so it runs to its end, and a commit that fails is told. */
  write(...bind: Bind): Row[] {
    endViews();
    return this.all(...bind);
  }

  /** Hands rows to `take` until it answers false. The statement is finished when this returns. */
  each(take: (row: Row) => boolean, ...bind: Bind): void {
    if (this.#snapshot.held) this.#snapshot.release();
    // A lock is refused before the first row, or never.
    const start = () => {
      const rows = this.#statement.iterate(...bind);
      return { rows, first: rows.next() };
    };
    let begun: ReturnType<typeof start>;
    try {
      begun = start();
    } catch (error) {
      begun = this.#patience.retry(error, start);
    }
    try {
      for (let next = begun.first; !next.done; next = begun.rows.next()) if (!take(next.value)) return;
    } catch (error) {
      throw this.#patience.failure(error);
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
  readonly #patience: Patience;
  /** A view of the database that does not change, for several reads; see `others.ts`. */
  readonly snapshot: Snapshot;

  constructor(path: string, { readOnly, timeout, isTimeoutChosen = false, image }: ConnectionOptions) {
    const Driver = loadDriver();
    this.path = path;
    try {
      // Without a timeout of its own: its sleeps grow to 100 ms, which starves whoever waits beside a busy writer.
      const options = { readonly: readOnly, fileMustExist: readOnly && image === undefined, timeout: 0 };
      this.#database = new Driver(image ?? path, options);
    } catch (error) {
      throw failure(toLoadError(error), path);
    }
    this.snapshot = new Snapshot(this.#database, path);
    this.#patience = new Patience(
      path,
      timeout,
      isTimeoutChosen,
      () => this.#database.inTransaction && !this.snapshot.held,
    );
    // The file may have been made to do harm (https://sqlite.org/security.html). The driver sets SQLITE_DBCONFIG_DEFENSIVE.
    for (const setting of ['trusted_schema = OFF', 'cell_size_check = ON']) this.pragma(setting);
  }

  get isOpen(): boolean {
    return this.#database.open;
  }

  /** What SQLite or its driver has refused last, since `forgetFailure`. */
  get lastFailure(): DiskCacheError | undefined {
    return this.#patience.lastFailure;
  }

  /** Before a transaction, whose own failures are asked for. */
  forgetFailure(): void {
    this.#patience.lastFailure = undefined;
  }

  /** True between BEGIN and COMMIT or ROLLBACK. */
  get inTransaction(): boolean {
    return this.#database.inTransaction;
  }

  prepare<Bind extends readonly Column[], Row extends readonly unknown[] = Column[]>(
    sql: string,
    rides = false,
  ): Statement<Bind, Row> {
    const prepared = this.patiently(() => this.#database.prepare<Row>(sql));
    return new Statement<Bind, Row>(this.snapshot, this.#patience, prepared, rides);
  }

  /** Runs SQL text without parameters or rows. */
  execute(sql: string): void {
    this.patiently(() => this.#database.exec(sql));
  }

  /** Asks or sets a pragma; answers its first column. */
  pragma(text: string): unknown {
    return this.patiently(() => this.#database.pragma(text, { simple: true }));
  }

  /** Runs `work` without waiting for locks. */
  impatiently(work: () => void): void {
    this.#patience.without(work);
  }

  /** Makes a function known to the SQL of this connection, but not to triggers and indexes that stand in the file. */
  define(name: string, answer: (argument: Column) => Column): void {
    this.#database.function(name, { directOnly: true }, answer);
  }

  close(): void {
    // A view that can't be ended must not keep the file open.
    this.snapshot.releaseQuietly();
    this.snapshot.held = false;
    this.patiently(() => this.#database.close());
  }

  /** Runs what can be run again, and runs it again while somebody else holds the lock. */
  patiently<T>(work: () => T): T {
    if (this.snapshot.held) this.snapshot.release();
    try {
      return work();
    } catch (error) {
      return this.#patience.retry(error, work);
    }
  }
}
