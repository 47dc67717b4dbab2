import { type Column, type Database, loadDriver, type PreparedStatement, toLoadError } from './driver.ts';
import { toDiskCacheError } from './errors.ts';

/**
 * A SQLite database that another program has written, to read from. SQLite writes beside a database even to read it (its `-shm` file), so
 * what must stay untouched is copied first.
 */
export class ForeignDatabase {
  readonly #database: Database;
  readonly #path: string;
  readonly #statements = new Map<string, PreparedStatement<Column[]>>();

  /** @throws {DiskCacheError} `CORRUPT` for something that isn't a database, and as the driver. */
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
