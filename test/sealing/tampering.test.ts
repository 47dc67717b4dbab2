import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import { checksum, toRowChecksum } from '../../main/engine/values/encoding.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import {
  changeDatabase,
  createBytes,
  errorWithCode,
  forge,
  listFiles,
  MARKER,
  openSealed,
  readRows,
  readStream,
} from './sealed-fixture.ts';

describe('sealed bytes that were changed', () => {
  it('are CORRUPT at every byte of a row, even with a checksum that fits', () => {
    using cache = openSealed();
    const { directory } = cache;
    cache.set('k', MARKER);
    cache.close();
    const [row] = readRows(directory);
    for (let at = 0; at < row!.value.length; at++) {
      const changed = Buffer.from(row!.value);
      changed[at]! ^= 1;
      forge(directory, 'k', row!.mode, changed);
      using reader = openSealed(directory);
      expect(() => reader.get('k')).toThrow(errorWithCode('CORRUPT'));
      expect(() => reader.getEntry('k')).toThrow(errorWithCode('CORRUPT'));
      expect(reader.check()).toMatchObject([{ code: 'value', key: 'k' }]);
    }
    for (const length of [0, 1, 35, 36, row!.value.length - 1]) {
      forge(directory, 'k', row!.mode, row!.value.subarray(0, length));
      using reader = openSealed(directory);
      expect(() => reader.get('k')).toThrow(errorWithCode('CORRUPT'));
    }
  });

  it('are CORRUPT with another mode, as plain text, and under another key or in another store', () => {
    using cache = openSealed();
    const { directory } = cache;
    cache.set('one', 'first');
    cache.set('two', 'second');
    cache.close();
    const [one, two] = readRows(directory);
    using other = openSealed();
    other.set('one', 'other');
    other.close();
    const expectCorrupt = (key: string) => {
      using reader = openSealed(directory);
      expect(() => reader.get(key)).toThrow(errorWithCode('CORRUPT'));
    };
    forge(directory, 'one', one!.mode, two!.value);
    expectCorrupt('one');
    forge(directory, 'one', one!.mode + 3, one!.value);
    expectCorrupt('one');
    forge(directory, 'one', 0, 'plain');
    expectCorrupt('one');
    forge(directory, 'one', one!.mode, 'text');
    expectCorrupt('one');
    forge(directory, 'one', one!.mode, readRows(other.directory)[0]!.value);
    expectCorrupt('one');
    forge(directory, 'one', one!.mode, one!.value);
    using reader = openSealed(directory);
    expect(reader.get('one')).toBe('first');
  });

  it('are CORRUPT in a file: changed, cut, extended, exchanged', async () => {
    using cache = openSealed(freshDirectory(), { fileThreshold: 0 });
    const { directory } = cache;
    const bytes = createBytes(200_000);
    cache.set('k', bytes);
    cache.close();
    const path = listFiles(join(directory, 'values'))[0]!;
    const whole = readFileSync(path);
    const { mode } = readRows(directory)[0]!;
    const write = (changed: Buffer) => {
      writeFileSync(path, changed);
      const check = toRowChecksum(checksum(mode, changed), 'k');
      changeDatabase(directory, (database) =>
        database.prepare('UPDATE entry SET size = ?, checksum = ?').run(changed.length, check),
      );
    };
    const chunk = 65_536 + 16;
    const flip = (at: number) => {
      const changed = Buffer.from(whole);
      changed[at]! ^= 1;
      return changed;
    };
    const exchanged = Buffer.from(whole);
    whole.copy(exchanged, 20, 20 + chunk, 20 + 2 * chunk);
    whole.copy(exchanged, 20 + chunk, 20, 20 + chunk);
    const changes: readonly Buffer[] = [
      ...[0, 5, 19, 20, 100, 20 + chunk, 20 + 2 * chunk + 1, whole.length - 1].map(flip),
      ...[0, 10, 20, 36, 20 + chunk, 20 + 2 * chunk, whole.length - 1].map((length) => whole.subarray(0, length)),
      Buffer.concat([whole, Buffer.alloc(chunk)]),
      exchanged,
    ];
    for (const changed of changes) {
      write(changed);
      using reader = openSealed(directory);
      expect(() => reader.get('k')).toThrow(errorWithCode('CORRUPT'));
      await expect(readStream(reader.openReadStream('k'))).rejects.toEqual(errorWithCode('CORRUPT'));
      expect(reader.check()[0]).toMatchObject({ code: 'file', key: 'k' });
    }
    // A reader of the beginning notices that the end was cut off.
    write(whole.subarray(0, 20 + chunk));
    using cut = openSealed(directory);
    await expect(readStream(cut.openReadStream('k', { start: 0, end: 10 }))).rejects.toEqual(errorWithCode('CORRUPT'));
    cut.close();
    write(whole);
    using reader = openSealed(directory);
    expect(reader.get('k')).toEqual(bytes);
  });
});

describe('a damaged database of a sealed store', () => {
  it('is rebuilt with its mark and its keys', () => {
    using cache = openSealed();
    const { directory } = cache;
    for (let n = 0; n < 200; n++) cache.set(n, `${MARKER}${n}`);
    cache.close();
    const path = join(directory, 'cache.db');
    const bytes = readFileSync(path);
    const pageOfIndex = Number(
      (() => {
        const database = new Database(path, { readonly: true });
        const page = database.prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'entry_key'").pluck().get();
        database.close();
        return page;
      })(),
    );
    bytes.fill(0xff, (pageOfIndex - 1) * 4096, pageOfIndex * 4096);
    writeFileSync(path, bytes);
    using damaged = openSealed(directory);
    expect(damaged.check({ repair: true })).not.toEqual([]);
    expect(damaged.check()).toEqual([]);
    expect(damaged.get(7)).toBe(`${MARKER}7`);
    damaged.close();
    expect(() => new Cache(directory)).toThrow(errorWithCode('WRONG_KEY'));
    changeDatabase(directory, (database) => expect(database.pragma('user_version', { simple: true })).toBe(2001));
    using again = openSealed(directory);
    expect(again.get(8)).toBe(`${MARKER}8`);
  });
});
