/** What it asks of a database connection. */
interface Preparing {
  readonly inTransaction: boolean;
  prepare(sql: string): { run(): unknown };
}

/**
 * A read transaction around several reads: taking and dropping the lock costs a third of a small read. Invariant: it is never
 * held while something is written, nor beyond the turn of the event loop that began it, so it can't keep the log from shrinking.
 */
export class Snapshot {
  held = false;
  readonly #begin: { run(): unknown };
  readonly #end: { run(): unknown };
  readonly #undo: { run(): unknown };
  readonly #database: Preparing;

  constructor(database: Preparing) {
    this.#begin = database.prepare('BEGIN');
    this.#end = database.prepare('COMMIT');
    this.#undo = database.prepare('ROLLBACK');
    this.#database = database;
  }

  /** Ends the one that is held and begins the next, which sees what is committed when it is first read from. */
  renew(): void {
    this.release();
    this.#begin.run();
    this.held = true;
  }

  release(): void {
    if (!this.held) return;
    this.held = false;
    try {
      this.#end.run();
    } catch {
      // Nothing was written, so nothing is lost; what is damaged or out of reach meets the next read.
      if (this.#database.inTransaction) this.#undo.run();
    }
  }
}
