import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { Cache, DiskCacheError } from '../../main/engine/index.ts';
import { freshDirectory } from './fresh-directory.ts';

const VALUES = { text: 'value', object: { a: 1 }, number: 5, bytes: new Uint8Array([1, 2]), large: 'x'.repeat(100) };

/** What damage may make of each column of a value. */
const DAMAGES = [
  ...['mode', 'checksum', 'size'].flatMap((column) =>
    ['-1', '1.5', "'x'", "x'00'", '300', '255', '9e300', '9007199254740993', `${column} + 256`, `-${column} - 1`].map(
      (damaged) => [column, damaged] as const,
    ),
  ),
  ...['NULL', '7', "''", "x''", "'{}'"].map((damaged) => ['value', damaged] as const),
  ...['NULL', "'x'", '7', "''"].map((damaged) => ['file', damaged] as const),
];

it.each(DAMAGES)('a row whose %s became %s is never read as another value', (column, damaged) => {
  const directory = freshDirectory();
  {
    using cache = new Cache<string, unknown>(directory, { fileThreshold: 64 });
    cache.setMany(Object.entries(VALUES));
  }
  const db = new Database(join(directory, 'cache.db'));
  db.exec(`UPDATE entry SET ${column} = ${damaged}`);
  db.close();
  using cache = new Cache<string, unknown>(directory);
  for (const [key, value] of Object.entries(VALUES)) {
    try {
      expect(cache.get(key)).toStrictEqual(value);
    } catch (error) {
      expect(error).toBeInstanceOf(DiskCacheError);
      expect(['CORRUPT', 'UNSUPPORTED_VERSION']).toContain((error as DiskCacheError).code);
    }
  }
});
