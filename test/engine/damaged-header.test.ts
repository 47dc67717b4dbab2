import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { Cache, Index } from '../../main/engine/index.ts';
import { errorMatching } from '../matchers.ts';
import { getDatabasePath, getRootPage } from './damaged-file.ts';
import { freshDirectory } from './fresh-directory.ts';

const LARGE = 'x'.repeat(100_000);

function createStore(): string {
  const directory = freshDirectory();
  using cache = new Cache<string, string>(directory, { durability: 'power' });
  cache.set('large', LARGE);
  cache.set('small', 'a');
  return directory;
}

const listValueFiles = (directory: string): string[] =>
  readdirSync(directory, { recursive: true })
    .map(String)
    .filter((name) => name.endsWith('.val'));

describe('a database whose header is damaged', () => {
  it.each([0, -1, -(2 ** 31)])('is refused with its path, where the format version is %i', (version) => {
    const directory = createStore();
    const database = new Database(getDatabasePath(directory));
    database.pragma(`user_version = ${version}`);
    database.close();
    for (const readOnly of [false, true]) {
      expect(() => new Cache(directory, { readOnly })).toThrow(
        errorMatching('CORRUPT', new RegExp(`${getDatabasePath(directory)} has format version ${version}`)),
      );
    }
  });

  it.each([0, 1, 2, 50, 99])(
    'isn’t taken for a new store where %i bytes are left of it: its value files stay',
    (bytes) => {
      const directory = createStore();
      truncateSync(getDatabasePath(directory), bytes);
      const before = listValueFiles(directory);
      expect(before).toHaveLength(1);
      for (const readOnly of [false, true]) {
        expect(() => new Cache(directory, { readOnly })).toThrow(
          errorMatching('CORRUPT', new RegExp(getDatabasePath(directory))),
        );
      }
      expect(listValueFiles(directory)).toEqual(before);
      expect(statSync(getDatabasePath(directory)).size).toBe(bytes);
    },
  );

  it('is found by the next write where one byte is left of it while it is open', () => {
    const directory = createStore();
    const cache = new Cache<string, string>(directory);
    truncateSync(getDatabasePath(directory), 1);
    expect(() => cache.set('b', 'c')).toThrow(errorMatching('CORRUPT', /truncated to nothing/));
    cache.close();
  });
});

describe('an empty index of SQLite whose page is one of a table', () => {
  it.each(['entry_expiry', 'entry_file', 'entry_queue'])('is found and mended: %s', (name) => {
    const directory = freshDirectory();
    const options = { durability: 'process' } as const;
    const first = new Index<string, number>(directory, options);
    first.set('a', 1);
    first.close();
    const path = getDatabasePath(directory);
    const bytes = readFileSync(path);
    const [table, index] = [getRootPage(directory, 'change'), getRootPage(directory, name)];
    bytes.copy(bytes, (index - 1) * 4096, (table - 1) * 4096, table * 4096);
    writeFileSync(path, bytes);
    using store = new Index<string, unknown>(directory, options);
    expect(store.check()[0]).toEqual({
      code: 'database',
      message: `${path}: the pages of ${name} belong to something else`,
      path,
    });
    store.check({ repair: true });
    expect(store.check()).toEqual([]);
    store.set('large', LARGE);
    expect([...store]).toEqual([
      ['a', 1],
      ['large', LARGE],
    ]);
  });
});
