import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import * as zlib from 'node:zlib';
import Database from 'better-sqlite3';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Cache, Deque, Index } from '../../main/engine/index.ts';
import { Connection } from '../../main/engine/sqlite/connection.ts';
import { checksum } from '../../main/engine/values/encoding.ts';
import { freshDirectory } from './fresh-directory.ts';

const failure = (code: string, says: string | RegExp = '') =>
  expect.objectContaining({ code, message: says === '' ? expect.any(String) : expect.stringMatching(says) });
const LARGE = 'x'.repeat(50_000);

/** A store that somebody with the rights to write into its directory has prepared. */
function openWithSql(
  sql: string,
  open: (at: string) => Disposable & { close(): void } = (at) => new Cache(at),
): string {
  const directory = freshDirectory();
  open(directory).close();
  const database = new Database(join(directory, 'cache.db'));
  database.unsafeMode(true);
  database.exec(sql);
  database.close();
  return directory;
}

const ENDLESS = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)';
const SCHEMAS: Readonly<Record<string, string>> = {
  'a trigger on our table': `CREATE TRIGGER t AFTER INSERT ON entry BEGIN DELETE FROM entry WHERE key <> new.key; END`,
  'a trigger under the name of one of ours': `CREATE TRIGGER change_insert AFTER INSERT ON entry BEGIN DELETE FROM setting; END`,
  'a trigger that never ends': `CREATE TRIGGER t AFTER INSERT ON entry BEGIN INSERT INTO change (kind) SELECT count(*) FROM (${ENDLESS} SELECT i FROM n); END`,
  'a view in the place of a table': `ALTER TABLE setting RENAME TO other; CREATE VIEW setting AS ${ENDLESS} SELECT 'x' || i AS name, i AS value FROM n`,
  'a table more': 'CREATE TABLE more (a)',
  'a virtual table': 'CREATE VIRTUAL TABLE f USING fts5(a)',
  'a column more': 'ALTER TABLE entry ADD COLUMN more',
  'a generated column': 'ALTER TABLE entry ADD COLUMN more AS (hex(zeroblob(1000000000)))',
  'a CHECK constraint': `DROP TABLE lease; CREATE TABLE lease (name BLOB PRIMARY KEY CHECK (hex(zeroblob(1000000000)) > ''), holder TEXT NOT NULL, pid INTEGER NOT NULL, until INTEGER NOT NULL) WITHOUT ROWID`,
  'an index on an expression': 'CREATE INDEX i ON entry (length(value))',
  'an index under the name of one of ours': 'CREATE INDEX entry_tag ON entry (hits)',
  'a table less': 'DROP TABLE lease',
};

describe('a planted schema is refused, and nothing of it runs', () => {
  it.each(Object.keys(SCHEMAS))('%s', (name) => {
    const directory = openWithSql(SCHEMAS[name]!);
    for (const readOnly of [false, true]) {
      expect(() => new Cache(directory, { readOnly })).toThrow(
        failure('CORRUPT', /deskcache did not create|lacks its/),
      );
    }
    expect(() => new Index(directory)).toThrow(failure('CORRUPT'));
  });

  it('while what deskcache itself makes is known: indexes, the log of a listener, a deque without its key index', () => {
    const directory = freshDirectory();
    using cache = new Cache(directory, {
      tagIndex: true,
      sizeLimit: 1024 * 1024,
      evictionPolicy: 'least-frequently-used',
    });
    cache.subscribe(() => {});
    for (let n = 0; n < 200; n++) cache.set(n, 'x'.repeat(5000), { tag: 'a' });
    using beside = new Cache(directory);
    expect(beside.size).toBe(cache.size);
    using deque = new Deque(freshDirectory());
    expect(new Deque(deque.directory).length).toBe(0);
  });

  it('also when it is planted while the store is open', () => {
    using cache = new Cache(freshDirectory());
    cache.set('a', 1);
    const database = new Database(join(cache.directory, 'cache.db'));
    database.exec(SCHEMAS['a trigger on our table']!);
    database.close();
    for (const until = performance.now() + 10; performance.now() < until; );
    expect(() => {
      for (let n = 0; n < 1000; n++) cache.set(n, n);
    }).toThrow(failure('CORRUPT', /deskcache did not create/));
    expect(() => cache.get('a')).toThrow(failure('CORRUPT'));
  });

  it('and no function of ours or of an extension is trusted with what stands in a file', () => {
    const connection = new Connection(':memory:', { readOnly: false, timeout: 0 });
    onTestFinished(() => connection.close());
    expect(connection.pragma('trusted_schema')).toBe(0);
    expect(connection.pragma('cell_size_check')).toBe(1);
  });

  it('the log that an earlier deskcache has left is taken over', () => {
    const directory = openWithSql(
      `CREATE TRIGGER change_delete AFTER DELETE ON entry WHEN deskcache_cause() <> 'clear' BEGIN INSERT INTO change (kind, key) VALUES (deskcache_cause(), old.key); DELETE FROM change WHERE id <= (SELECT max(id) FROM change) - 65536; END;
       INSERT INTO listener VALUES ('somebody', unixepoch() + 1000)`,
    );
    using cache = new Cache(directory);
    cache.set('a', 1);
    expect(cache.delete('a')).toBe(true);
  });
});

describe('planted rows', () => {
  it.each([
    ["INSERT INTO setting VALUES ('sizeLimit', -5)", 'a negative limit'],
    ["INSERT INTO setting VALUES ('sizeLimit', '1; DROP TABLE entry')", 'a limit that is SQL'],
    ["INSERT INTO setting VALUES ('durability', 'OFF')", 'a durability that there is not'],
    ["INSERT INTO setting VALUES ('fileThreshold', x'00')", 'a threshold of bytes'],
    ["UPDATE counter SET value = 'x' WHERE name = 'file bytes'", 'a count that is a text'],
    ["UPDATE counter SET value = -9e18 WHERE name = 'file bytes'", 'a count below nothing'],
    ["UPDATE counter SET value = 9e18 WHERE name = 'file bytes'", 'a count beyond all bytes'],
    ['DELETE FROM counter', 'no counts'],
    ["INSERT INTO counter VALUES ('replaced ../../../../etc/passwd', 1)", 'a replaced file outside of the directory'],
  ])('%s: %s', (sql) => {
    using cache = new Cache(openWithSql(sql));
    for (let n = 0; n < 20; n++) cache.set(n, `${n}${LARGE}`);
    expect(Array.from({ length: 20 }, (_, n) => cache.get(n))).toEqual(
      Array.from({ length: 20 }, (_, n) => `${n}${LARGE}`),
    );
  });

  it('a few compressed bytes that would fill the memory are refused before they do', () => {
    const directory = freshDirectory();
    {
      using cache = new Cache(directory, { compression: 'zstd' });
      cache.set('k', 'v');
      // What shrinks that much is stored as it is.
      cache.set('zeros', new Uint8Array(20 * 1024 * 1024));
      expect((cache.get('zeros') as Uint8Array).length).toBe(20 * 1024 * 1024);
    }
    const bomb = zlib.zstdCompressSync(new Uint8Array(100 * 1024 * 1024));
    const database = new Database(join(directory, 'cache.db'));
    database
      .prepare('UPDATE entry SET mode = 66, size = ?, checksum = ?, value = ? WHERE key = ?')
      .run(bomb.length, checksum(66, bomb), bomb, 'k');
    database.close();
    using cache = new Cache(directory);
    expect(() => cache.get('k')).toThrow(failure('TOO_LARGE'));
  });
});

describe.skipIf(process.platform === 'win32')('planted links and pipes are not followed', () => {
  const outside = () => {
    const path = join(freshDirectory(), 'precious');
    writeFileSync(path, LARGE);
    return path;
  };
  const pipe = (path: string) => expect(spawnSync('mkfifo', [path]).status).toBe(0);

  it.each([
    ['a link', (path: string) => symlinkSync(outside(), path)],
    ['a pipe', pipe],
  ])('%s as the reserve: nothing is written to it, and the store works', (_, plant) => {
    const directory = freshDirectory();
    new Cache(directory).close();
    const target = join(directory, 'reserve');
    rmSync(target, { force: true });
    plant(target);
    const before = statSync(target).size;
    using cache = new Cache<number, string>(directory);
    for (let n = 0; n < 300; n++) cache.set(n, 'y'.repeat(1000));
    cache.clear();
    expect(statSync(target).size).toBe(before);
  });

  it.each([
    ['a link', (path: string, victim: string) => symlinkSync(victim, path)],
    ['a pipe', (path: string) => pipe(path)],
  ])('%s as a value file: damage, also when it is streamed', async (_, plant) => {
    using cache = new Cache<string, string>(freshDirectory());
    cache.set('k', LARGE);
    const file = readdirSync(cache.directory, { recursive: true }).find((name) => String(name).endsWith('.val'));
    const path = join(cache.directory, String(file));
    rmSync(path);
    plant(path, outside());
    expect(() => cache.get('k')).toThrow(failure('CORRUPT'));
    const reader = cache.openReadStream('k')!.getReader();
    await expect(reader.read()).rejects.toEqual(failure('CORRUPT'));
    expect(cache.check().map(({ code }) => code)).toEqual(['file']);
  });

  it.each(['values', 'values/stage', 'cache.db'])('a link as %s is refused', (name) => {
    const directory = freshDirectory();
    const elsewhere = freshDirectory();
    const victim = new Cache<string, string>(join(elsewhere, 'store'));
    victim.set('k', LARGE);
    victim.close();
    const before = readFileSync(join(victim.directory, 'cache.db'));
    new Cache(directory).close();
    rmSync(join(directory, name), { recursive: true });
    symlinkSync(join(victim.directory, name), join(directory, name));
    expect(() => new Cache(directory)).toThrow(failure('NOT_ALLOWED', /link/));
    expect(readFileSync(join(victim.directory, 'cache.db')).equals(before)).toBe(true);
  });

  it('a link as a bucket: nothing is written, read or cleared away behind it', () => {
    using cache = new Cache<string, string>(freshDirectory());
    cache.set('k', LARGE);
    const file = String(
      readdirSync(cache.directory, { recursive: true }).find((name) => String(name).endsWith('.val')),
    );
    const bucket = join(cache.directory, 'values', file.split('/')[1]!);
    const elsewhere = freshDirectory();
    const bystander = join(elsewhere, `${'0'.repeat(30)}.val`);
    writeFileSync(bystander, 'mine');
    rmSync(bucket, { recursive: true });
    symlinkSync(elsewhere, bucket);
    using again = new Cache<string, string>(cache.directory);
    expect(() => again.get('k')).toThrow(failure('CORRUPT', /link/));
    again.check({ repair: true });
    expect(existsSync(bystander)).toBe(true);
  });

  it.each(['cache.db', 'cache.db-wal', 'cache.db-shm', 'cache.db-journal'])(
    'a pipe as %s keeps nobody waiting',
    (name) => {
      const directory = freshDirectory();
      new Cache(directory).close();
      rmSync(join(directory, name), { force: true });
      pipe(join(directory, name));
      expect(() => new Cache(directory)).toThrow(failure('NOT_ALLOWED', /pipe/));
    },
  );
});

describe.skipIf(process.platform === 'win32')('what is made is for the owner alone', () => {
  it('files and folders, in a directory that was open to all, whatever the umask', () => {
    const before = process.umask(0);
    onTestFinished(() => void process.umask(before));
    const directory = freshDirectory();
    chmodSync(directory, 0o777);
    mkdirSync(join(directory, 'store'), { mode: 0o777 });
    using cache = new Cache<number, string>(join(directory, 'store'));
    for (let n = 0; n < 300; n++) cache.set(n, 'y'.repeat(1000));
    cache.set(-1, LARGE);
    const modes = readdirSync(cache.directory, { recursive: true, withFileTypes: true }).map((found) => [
      found.name,
      (statSync(join(found.parentPath, found.name)).mode & 0o077).toString(8),
    ]);
    expect(modes.length).toBeGreaterThan(5);
    expect(modes.filter(([, mode]) => mode !== '0')).toEqual([]);
  });
});
