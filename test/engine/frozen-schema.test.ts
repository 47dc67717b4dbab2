import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { Cache, type Key } from '../../main/engine/index.ts';
import { toRowChecksum } from '../../main/engine/values/encoding.ts';
import { freshDirectory } from './fresh-directory.ts';

const VERSION_1 = readFileSync(join(import.meta.dirname, 'version-1.sql'), 'utf8');
const CREATED_AT_MS = 1_700_000_000_000;

/** A directory as version 1 left it. */
function createVersion1(): string {
  const directory = freshDirectory();
  const database = new Database(join(directory, 'cache.db'));
  database.exec(VERSION_1);
  database.close();
  const file = /Beside it: (\S+)/.exec(VERSION_1)?.[1] as string;
  mkdirSync(join(directory, file, '..'), { recursive: true });
  writeFileSync(join(directory, file), 'L'.repeat(64));
  return directory;
}

describe('format version 1', () => {
  it('has the number of rows, stored by an owner that closed the store', () => {
    const directory = createVersion1();
    const database = new Database(join(directory, 'cache.db'));
    database.exec("INSERT INTO counter VALUES ('rows', 1000), ('rows check', 3238296758)");
    database.close();
    using cache = new Cache<Key, unknown>(directory, { readOnly: true, clock: () => CREATED_AT_MS });
    expect(cache.size).toBe(1000);
  });

  it('is read', () => {
    let now = CREATED_AT_MS;
    using cache = new Cache<Key, unknown>(createVersion1(), { clock: () => now });
    expect([...cache]).toEqual([
      ['text', 'héllo'],
      [7.5, 42],
      [['user', 1n, null], { name: 'Ada', tags: ['a', 'b'] }],
      [Number.NaN, undefined],
      [new Date(5), new Map([[1, new Set(['x'])]])],
      ['bytes', Uint8Array.of(0, 1, 255)],
      ['large', 'L'.repeat(64)],
      [500_000_000_000_000, 'first'],
      [['jobs', 500_000_000_000_000], 'job'],
    ]);
    expect(cache.check()).toEqual([]);
    expect([...cache.keys({ tag: 'people' })]).toEqual([['user', 1n, null]]);
    expect([...cache.keys({ tag: 7 })]).toEqual([new Date(5)]);
    expect(cache.getEntry('text')).toMatchObject({
      storedAt: CREATED_AT_MS,
      expiresAt: CREATED_AT_MS + 1e12,
      bytes: 6,
    });
    now += 5;
    expect(cache.has(Number.NaN)).toBe(false);
    expect(cache.size).toBe(8);
  });

  it('is written to: queues go on, settings hold, files are replaced', () => {
    const now = CREATED_AT_MS + 1;
    using cache = new Cache<Key, unknown>(createVersion1(), { clock: () => now });
    expect(cache.push('second')).toBe(500_000_000_000_001);
    expect(cache.pull()?.[1]).toBe('first');
    expect(cache.pull({ prefix: 'jobs' })?.[1]).toBe('job');
    cache.set('large', 'M'.repeat(64));
    cache.set('new', 1);
    expect(cache.getEntry('new')?.expiresAt).toBe(now + 1e12);
    expect(cache.evict('people')).toBe(1);
    expect(cache.get('large')).toBe('M'.repeat(64));
    expect(cache.check()).toEqual([]);
  });

  it('has rows whose checksum is that of the value alone: they are verified as ever, and cover the key when they are set again', () => {
    const directory = createVersion1();
    const database = new Database(join(directory, 'cache.db'));
    database.exec("UPDATE entry SET value = 'x' WHERE key = 'bytes'");
    using cache = new Cache<Key, unknown>(directory, { clock: () => CREATED_AT_MS, memory: 0 });
    expect(() => cache.get('bytes')).toThrow(expect.objectContaining({ code: 'CORRUPT' }));
    cache.set('text', 'héllo');
    const checksums = database
      .prepare("SELECT checksum FROM entry WHERE key IN ('text', 'large') ORDER BY id")
      .pluck()
      .all();
    database.close();
    expect(checksums).toEqual([toRowChecksum(2654700086, 'text'), 1503595466]);
    expect([cache.get('text'), cache.get('large')]).toEqual(['héllo', 'L'.repeat(64)]);
  });

  it('is what is created, until there is a second one', () => {
    const directory = freshDirectory();
    new Cache(directory).close();
    const database = new Database(join(directory, 'cache.db'), { readonly: true });
    const made = database.prepare('SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid').pluck().all();
    expect(database.pragma('user_version', { simple: true })).toBe(1);
    database.close();
    for (const sql of made) expect(VERSION_1).toContain(`${sql};`);
    expect(VERSION_1.match(/^CREATE /gm)).toHaveLength(made.length);
  });
});
