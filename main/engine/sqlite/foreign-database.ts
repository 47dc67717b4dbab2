import { type Column, type Database, loadDriver, type PreparedStatement, toLoadError } from './driver.ts';
import { toDiskCacheError } from './errors.ts';

/**
 * Reads a SQLite database that another program has written. Open a copy: SQLite creates files beside a database even to read it (`-shm`).
 */
export class ForeignDatabase {
  readonly #database: Database;
  readonly #path: string;
  readonly #statements = new Map<string, PreparedStatement<Column[]>>();

  /** @throws {DiskCacheError} `CORRUPT` for a file that isn't a database, and the driver's errors. */
  constructor(path: string) {
    const Driver = loadDriver();
    this.#path = path;
    try {
      this.#database = new Driver(path, { readonly: false, fileMustExist: true, timeout: 0 });
    } catch (error) {
      throw toDiskCacheError(toLoadError(error), path);
    }
  }

  /** Returns the rows of a query, each an array; integers are bigints. */
  read<Row extends readonly Column[]>(sql: string, ...bind: readonly Column[]): Row[] {
    try {
      return this.#prepare(sql).all(...bind) as readonly unknown[] as Row[];
    } catch (error) {
      throw toDiskCacheError(error, this.#path);
    }
  }

  #prepare(sql: string): PreparedStatement<Column[]> {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#database.prepare<Column[]>(sql) as PreparedStatement<Column[]> & IntegerMode;
    statement.safeIntegers(true);
    this.#statements.set(sql, statement.raw());
    return statement;
  }

  close(): void {
    this.#database.close();
  }
}

interface IntegerMode {
  safeIntegers(enabled: boolean): unknown;
}
