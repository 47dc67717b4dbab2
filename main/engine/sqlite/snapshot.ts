import { failure } from './failure.ts';

/** What it asks of a database connection. */
interface Connected {
  readonly inTransaction: boolean;
  prepare(sql: string): { run(): unknown };
}

/**
 * A read transaction around several reads: taking and dropping the lock costs a third of a small read. Invariant: it is never
 * held while something is written, nor beyond the turn of the event loop that began it, so it can't keep the log from shrinking.
 */
export class Snapshot {
  held = false;
  readonly #database: Connected;
  readonly #path: string;
  readonly #begin: { run(): unknown };
  readonly #end: { run(): unknown };
  readonly #undo: { run(): unknown };

  constructor(database: Connected, path: string) {
    this.#database = database;
    this.#path = path;
    this.#begin = database.prepare('BEGIN');
    this.#end = database.prepare('COMMIT');
    this.#undo = database.prepare('ROLLBACK');
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
      throw failure(error, this.#path);
    }
    this.held = true;
  }

  /**
   * Nothing was written in it, so it may end either way. After a read that failed SQLite may have ended it already, and refuses to
   * commit; the reader has been told then.
   *
   * @throws {DiskCacheError} when it can't be ended; it is held still, and the next call tries again.
   */
  release(): void {
    if (!this.held) return;
    try {
      this.#end.run();
    } catch {
      this.#rollBack();
    }
    this.held = false;
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
      this.#undo.run();
    } catch (error) {
      if (this.#database.inTransaction) throw failure(error, this.#path);
    }
  }
}
