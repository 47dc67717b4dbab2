import { createRequire } from 'node:module';
import type SqliteDatabase from 'better-sqlite3';
import { DiskCacheError } from '../../../protocol/error.ts';
import { failure } from './failure.ts';

/** What SQLite stores and gives back. */
export type Column = string | number | bigint | Uint8Array | null;

/** One prepared statement. Rows are arrays in the order of the selected columns; failures arrive as `DiskCacheError`. */
export class Statement<Bind extends readonly Column[] = readonly Column[], Row extends readonly unknown[] = Column[]> {
  readonly #path: string;
  readonly #statement: SqliteDatabase.Statement<Column[], Row>;

  constructor(path: string, statement: SqliteDatabase.Statement<Column[], Row>) {
    this.#path = path;
    this.#statement = statement.reader ? statement.raw() : statement;
  }

  /** Runs a statement that gives no rows. */
  run(...bind: Bind): SqliteDatabase.RunResult {
    try {
      return this.#statement.run(...bind);
    } catch (error) {
      throw failure(error, this.#path);
    }
  }

  first(...bind: Bind): Row | undefined {
    try {
      return this.#statement.get(...bind);
    } catch (error) {
      throw failure(error, this.#path);
    }
  }

  all(...bind: Bind): Row[] {
    try {
      return this.#statement.all(...bind);
    } catch (error) {
      throw failure(error, this.#path);
    }
  }

  /** Hands rows to `take` until it answers false. The statement is finished when this returns. */
  each(take: (row: Row) => boolean, ...bind: Bind): void {
    try {
      for (const row of this.#statement.iterate(...bind)) if (!take(row)) return;
    } catch (error) {
      throw failure(error, this.#path);
    }
  }
}

export interface ConnectionOptions {
  readonly readOnly: boolean;
  /** Milliseconds to wait for a lock. */
  readonly timeout: number;
}

/** One connection to one database file. The only place that knows better-sqlite3. */
export class Connection {
  readonly path: string;
  readonly #database: SqliteDatabase.Database;

  constructor(path: string, options: ConnectionOptions) {
    const Database = driver();
    this.path = path;
    try {
      this.#database = new Database(path, {
        readonly: options.readOnly,
        fileMustExist: options.readOnly,
        timeout: options.timeout,
      });
    } catch (error) {
      throw failure(error, path);
    }
  }

  /** True between BEGIN and COMMIT or ROLLBACK. */
  get inTransaction(): boolean {
    return this.#database.inTransaction;
  }

  prepare<Bind extends readonly Column[], Row extends readonly unknown[] = Column[]>(
    sql: string,
  ): Statement<Bind, Row> {
    try {
      return new Statement<Bind, Row>(this.path, this.#database.prepare<Column[], Row>(sql));
    } catch (error) {
      throw failure(error, this.path);
    }
  }

  /** Runs SQL text without parameters or rows. */
  execute(sql: string): void {
    try {
      this.#database.exec(sql);
    } catch (error) {
      throw failure(error, this.path);
    }
  }

  /** Asks or sets a pragma; answers its first column. */
  pragma(text: string): unknown {
    try {
      return this.#database.pragma(text, { simple: true });
    } catch (error) {
      throw failure(error, this.path);
    }
  }

  close(): void {
    try {
      this.#database.close();
    } catch (error) {
      throw failure(error, this.path);
    }
  }
}

const PLATFORMS: ReadonlySet<string> = new Set(
  ['linux', 'darwin', 'win32'].flatMap((platform) => [`${platform}-x64`, `${platform}-arm64`]),
);

let loaded: typeof SqliteDatabase | undefined;

/** Loads the driver once. It needs Node-API 10: an older runtime would crash without a word, so the check comes first. */
function driver(): typeof SqliteDatabase {
  if (loaded) return loaded;
  const { platform, arch, version, versions } = process;
  if (!(Number(versions.napi) >= 10)) {
    throw new DiskCacheError(
      'UNSUPPORTED_VERSION',
      `deskcache needs Node 22.14 or newer (Node-API 10); this is Node ${version} with Node-API ${versions.napi}`,
    );
  }
  if (!PLATFORMS.has(`${platform}-${arch}`)) {
    throw new DiskCacheError(
      'UNSUPPORTED_VERSION',
      `deskcache runs on ${[...PLATFORMS].join(', ')}; this is ${platform}-${arch}`,
    );
  }
  try {
    loaded = createRequire(import.meta.url)('better-sqlite3') as typeof SqliteDatabase;
  } catch (cause) {
    throw new DiskCacheError(
      'UNSUPPORTED_VERSION',
      'better-sqlite3 could not be loaded; reinstall it for this platform',
      {
        cause,
      },
    );
  }
  return loaded;
}
