import { closeSync, existsSync, openSync, readdirSync, rmSync, utimesSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { Cache, type FindingCode } from '../../main/engine/index.ts';
import { freshDirectory } from './fresh-directory.ts';

const LARGE = 'k'.repeat(50_000);

function openFilledCache(): Cache<string, unknown> {
  const cache = new Cache<string, unknown>(freshDirectory(), { memory: 0 });
  for (let n = 0; n < 200; n++) cache.set(`row ${n}`, { n });
  for (let n = 0; n < 5; n++) cache.set(`file ${n}`, LARGE + n);
  return cache;
}

function files(cache: Cache<string, unknown>): string[] {
  const all = readdirSync(cache.directory, { recursive: true, withFileTypes: true });
  return all.filter((file) => file.name.endsWith('.val')).map((file) => join(file.parentPath, file.name));
}

function execSql(cache: Cache<string, unknown>, sql: string): void {
  const database = new Database(join(cache.directory, 'cache.db'));
  database.exec(sql);
  database.close();
}

const damages: [string, FindingCode[], (cache: Cache<string, unknown>) => void][] = [
  [
    'a value that was changed',
    ['value'],
    (cache) => execSql(cache, `UPDATE entry SET value = '{"n":8}' WHERE key = 'row 7'`),
  ],
  [
    'a mode that was changed',
    ['value'],
    (cache) => execSql(cache, "UPDATE entry SET mode = mode + 1 WHERE key = 'row 7'"),
  ],
  ['a value that is gone', ['value'], (cache) => execSql(cache, "UPDATE entry SET value = NULL WHERE key = 'row 7'")],
  ['a key that is none', ['key'], (cache) => execSql(cache, "UPDATE entry SET key = x'8020' WHERE key = 'row 7'")],
  ['a missing file', ['file'], (cache) => rmSync(files(cache)[0]!)],
  ['a short file', ['file'], (cache) => writeFileSync(files(cache)[0]!, 'k')],
  ['a damaged file', ['file'], (cache) => writeFileSync(files(cache)[0]!, 'x'.repeat(50_001))],
  [
    'a name that leads elsewhere',
    ['file', 'orphan'],
    (cache) => execSql(cache, "UPDATE entry SET file = '../../x' WHERE key = 'file 1'"),
  ],
  ['a wrong count', ['count'], (cache) => execSql(cache, "UPDATE counter SET value = 7 WHERE name = 'file bytes'")],
  [
    'a file of nobody',
    ['orphan'],
    (cache) => writeFileSync(files(cache)[0]!.replace(/.{8}\.val$/, '01234567.val'), 'x'),
  ],
  [
    'a row lost with its file',
    ['count', 'orphan'],
    (cache) => execSql(cache, "DELETE FROM entry WHERE key = 'file 1'"),
  ],
];

describe('check', () => {
  it('finds nothing where nothing is wrong', () => {
    using cache = openFilledCache();
    cache.delete('file 0');
    cache.set('file 1', 'small');
    expect(cache.check()).toEqual([]);
    expect(cache.check({ repair: true })).toEqual([]);
  });

  it.each(damages)('finds %s and repairs it', (_name, codes, damage) => {
    using cache = openFilledCache();
    damage(cache);
    expect(cache.check().map(({ code }) => code)).toEqual(codes);
    expect(cache.check().map(({ code }) => code)).toEqual(codes);
    const found = cache.check({ repair: true });
    expect(found.map(({ code }) => code)).toEqual(expect.arrayContaining(codes));
    expect(cache.check()).toEqual([]);
    expect(cache.size).toBeGreaterThanOrEqual(204);
    for (const [key, value] of cache) expect(cache.get(key)).toEqual(value);
  });

  it('names the key or the path', () => {
    using cache = openFilledCache();
    execSql(cache, "UPDATE entry SET checksum = 0 WHERE key IN ('row 3', 'file 2')");
    expect(cache.check()).toEqual([
      { code: 'value', key: 'row 3', message: expect.any(String) },
      { code: 'file', key: 'file 2', message: expect.stringContaining('.val') },
    ]);
  });

  it('builds a damaged index again', () => {
    using cache = openFilledCache();
    execSql(cache, 'CREATE INDEX entry_used_at ON entry (hits)');
    const database = new Database(join(cache.directory, 'cache.db'));
    database.unsafeMode(true);
    database.pragma('writable_schema = ON');
    database.exec(
      "UPDATE sqlite_schema SET sql = 'CREATE INDEX entry_used_at ON entry (used_at)' WHERE name = 'entry_used_at'",
    );
    database.close();
    const damaged = new Cache(cache.directory);
    expect(damaged.check()[0]).toMatchObject({ code: 'database', path: join(cache.directory, 'cache.db') });
    damaged.check({ repair: true });
    expect(damaged.check()).toEqual([]);
    expect(damaged.size).toBe(205);
    damaged.close();
  });

  it('says so when pages are damaged', () => {
    const cache = openFilledCache();
    cache.close();
    const path = join(cache.directory, 'cache.db');
    const database = new Database(path);
    const root = database.prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'entry'").pluck().get() as number;
    database.close();
    const file = openSync(path, 'r+');
    writeSync(file, new Uint8Array(4096).fill(0xee), 0, 4096, (root - 1) * 4096);
    closeSync(file);
    using damaged = new Cache(cache.directory);
    expect(damaged.check()[0]).toMatchObject({ code: 'database', path });
    expect(() => damaged.get('row 1')).toThrow(expect.objectContaining({ code: 'CORRUPT' }));
  });

  it('touches nothing of a writer at work', () => {
    using cache = openFilledCache();
    const stage = join(cache.directory, 'values', 'stage');
    const staged = join(stage, `${'0123456789abcdef'.repeat(2)}.val`);
    writeFileSync(staged, 'being written');
    expect(cache.check({ repair: true })).toEqual([]);
    expect(existsSync(staged)).toBe(true);
    utimesSync(staged, new Date(0), new Date(0));
    cache.check({ repair: true });
    expect(existsSync(staged)).toBe(false);
  });

  it('is refused inside a transaction', () => {
    using cache = openFilledCache();
    expect(() => cache.transact(() => cache.check())).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }));
  });
});

describe('orphans', () => {
  it('are collected while files are stored', () => {
    using cache = openFilledCache();
    execSql(cache, "DELETE FROM entry WHERE file IS NOT NULL; UPDATE counter SET value = 0 WHERE name = 'file bytes'");
    const orphans = files(cache);
    expect(orphans).toHaveLength(5);
    for (let n = 0; n < 2200 && orphans.some((path) => existsSync(path)); n++) cache.set('k', `${n}${LARGE}`);
    expect(orphans.filter((path) => existsSync(path))).toEqual([]);
    expect(cache.check()).toEqual([]);
  });
});
