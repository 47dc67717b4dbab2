import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { Cache, type CacheOptions, Deque, FanoutCache, Index, reopen, Settings } from '../../main/engine/index.ts';
import { checksum, toRowChecksum } from '../../main/engine/values/encoding.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { findPlaintext, listFiles } from './files-on-disk.ts';

const KEY = new Uint8Array(32).fill(1);
const OTHER_KEY = new Uint8Array(32).fill(2);
const MARKER = 'PLAINTEXT-MARKER';

const openSealed = (directory = freshDirectory(), options: CacheOptions = {}) =>
  new Cache(directory, { encryptionKey: KEY, ...options });

function changeDatabase(directory: string, change: (database: Database.Database) => void): void {
  const database = new Database(join(directory, 'cache.db'));
  try {
    change(database);
  } finally {
    database.close();
  }
}

type Row = { id: number; key: string; mode: number; size: number; checksum: number; value: Buffer; file: string };
const readRows = (directory: string): Row[] => {
  let rows: Row[] = [];
  changeDatabase(directory, (database) => {
    rows = database.prepare('SELECT * FROM entry ORDER BY id').all() as Row[];
  });
  return rows;
};

/** Puts bytes into a row as an attacker would, with a checksum that fits. */
function forge(directory: string, key: string, mode: number, value: string | Buffer): void {
  const check = toRowChecksum(checksum(mode, value), key);
  const size = Buffer.byteLength(value);
  changeDatabase(directory, (database) =>
    database
      .prepare('UPDATE entry SET mode = ?, value = ?, size = ?, checksum = ? WHERE key = ?')
      .run(mode, value, size, check, key),
  );
}

const errorWithCode = (code: string, message: RegExp = /./) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) });

const VALUES: readonly unknown[] = [
  MARKER,
  '',
  0,
  -1.5,
  Number.NaN,
  undefined,
  null,
  12n,
  { text: MARKER, list: [1, 2] },
  new Map([[MARKER, new Date(5)]]),
  new Uint8Array([1, 2, 3]),
  new Uint8Array(0),
];

async function* toChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const readStream = async (stream: AsyncIterable<Uint8Array> | undefined): Promise<Buffer> => {
  const pieces: Uint8Array[] = [];
  for await (const piece of stream!) pieces.push(piece);
  return Buffer.concat(pieces);
};

/** Bytes without a pattern that repeats at the size of a chunk. */
const createBytes = (length: number): Uint8Array => Uint8Array.from({ length }, (_, at) => (at * 7 + (at >> 8)) & 0xff);

describe('a sealed store', () => {
  it.each([
    ['in rows', {}],
    ['in files', { fileThreshold: 0 }],
    ['in its journal', { exclusive: true }],
    ['compressed', { compression: 'zstd' }],
  ] as const)('returns every kind of value %s, also after it is opened again', (_where, options) => {
    const directory = freshDirectory();
    using cache = openSealed(directory, options);
    for (const [nth, value] of VALUES.entries()) cache.set(nth, value);
    cache.set('long', MARKER.repeat(200));
    for (const [nth, value] of VALUES.entries()) expect(cache.get(nth)).toEqual(value);
    cache.close();
    using again = openSealed(directory, { ...options, memory: 0 });
    for (const [nth, value] of VALUES.entries()) expect(again.get(nth)).toEqual(value);
    expect(again.get('long')).toBe(MARKER.repeat(200));
    expect(again.check()).toEqual([]);
  });

  it('leaves no plaintext in any of its files, while it is open and afterwards', async () => {
    const directory = freshDirectory();
    using cache = openSealed(directory, { exclusive: true, fileThreshold: 2000, durability: 'power' });
    for (let n = 0; n < 300; n++) cache.set(n, { text: `${MARKER}${n}` });
    cache.set('large', MARKER.repeat(10_000));
    await cache.writeStream('stream', toChunks(Buffer.from(MARKER.repeat(10_000)), 1000));
    cache.transact(() => cache.set('transaction', MARKER));
    cache.push(MARKER);
    expect(listFiles(directory).map((path) => path.slice(directory.length + 1))).toContain('journal-0');
    expect(findPlaintext(directory, MARKER)).toEqual([]);
    cache.close();
    expect(findPlaintext(directory, MARKER)).toEqual([]);
  });

  it('never seals the same value to the same bytes', () => {
    using cache = openSealed();
    for (let n = 0; n < 100; n++) cache.set(n, MARKER);
    const directory = cache.directory;
    cache.close();
    expect(new Set(readRows(directory).map(({ value }) => value.toString('latin1'))).size).toBe(100);
  });

  it.each([
    [
      'an index',
      (directory: string, encryptionKey?: Uint8Array) =>
        new Index(directory, { ...(encryptionKey && { encryptionKey }) }),
    ],
    [
      'a FanoutCache',
      (directory: string, encryptionKey?: Uint8Array) =>
        new FanoutCache(directory, { shards: 2, ...(encryptionKey && { encryptionKey }) }),
    ],
  ])('can be %s', (_kind, open) => {
    const directory = freshDirectory();
    const store = open(directory, KEY);
    store.set('k', MARKER);
    store.close();
    expect(findPlaintext(directory, MARKER)).toEqual([]);
    expect(() => open(directory)).toThrow(errorWithCode('WRONG_KEY'));
    const again = open(directory, KEY);
    expect(again.get('k')).toBe(MARKER);
    again.close();
  });

  it.each([false, true])('can be a deque, exclusive: %s', (exclusive) => {
    const directory = freshDirectory();
    using deque = new Deque<unknown>(directory, { encryptionKey: KEY, exclusive, fileThreshold: 500 });
    deque.push(1, MARKER, { text: MARKER }, MARKER.repeat(100));
    deque.rotate(1);
    expect([...deque]).toEqual([MARKER.repeat(100), 1, MARKER, { text: MARKER }]);
    expect(deque.pop()).toEqual({ text: MARKER });
    expect(deque.shift()).toBe(MARKER.repeat(100));
    expect(deque.check()).toEqual([]);
    deque.close();
    expect(findPlaintext(directory, MARKER)).toEqual([]);
    using again = new Deque<unknown>(directory, { encryptionKey: KEY, exclusive });
    expect([again.shift(), again.shift()]).toEqual([1, MARKER]);
  });

  it('can hold settings', () => {
    const directory = freshDirectory();
    const options = { defaults: { token: '' }, encryptionKey: KEY };
    using settings = new Settings(directory, options);
    settings.set('token', MARKER);
    settings.close();
    expect(findPlaintext(directory, MARKER)).toEqual([]);
    using again = new Settings(directory, options);
    expect(again.get('token')).toBe(MARKER);
  });

  it('is not described with its key', () => {
    using cache = openSealed();
    cache.set('k', 1);
    const description = cache.describe();
    expect(description.required).toEqual(['encryptionKey']);
    expect(JSON.stringify(description)).not.toContain('"0":1');
    expect(() => reopen(description)).toThrow(errorWithCode('BAD_OPTION', /encryptionKey/));
    using again = reopen(description, { encryptionKey: KEY });
    expect(again.get('k')).toBe(1);
  });
});

describe('the key of a sealed store', () => {
  it.each([
    ['another key', { encryptionKey: OTHER_KEY }],
    ['no key', {}],
    ['another key, for reading', { encryptionKey: OTHER_KEY, readOnly: true }],
    ['no key, for reading', { readOnly: true }],
  ])('is asked for: with %s opening fails, and nothing is changed', (_what, options) => {
    using cache = openSealed();
    const { directory } = cache;
    cache.set('k', MARKER);
    cache.close();
    expect(() => new Cache(directory, options)).toThrow(errorWithCode('WRONG_KEY', /encryptionKey/));
    using again = openSealed(directory);
    expect(again.get('k')).toBe(MARKER);
  });

  it('is 32 bytes, and a refused one is not in the message', () => {
    for (const key of ['01'.repeat(16), new Uint8Array(31).fill(77), [...KEY], null]) {
      const open = () => openSealed(freshDirectory(), { encryptionKey: key as never });
      expect(open).toThrow(errorWithCode('BAD_OPTION', /^encryptionKey has to be a Uint8Array of 32 random bytes$/));
    }
    expect(() => new Cache(freshDirectory(), { previousEncryptionKey: KEY })).toThrow(errorWithCode('BAD_OPTION'));
  });

  it('is copied: the application may wipe its own', () => {
    const key = KEY.slice();
    using cache = openSealed(freshDirectory(), { encryptionKey: key });
    key.fill(0);
    cache.set('k', 1);
    cache.close();
    using again = openSealed(cache.directory);
    expect(again.get('k')).toBe(1);
  });

  it('is refused by a store whose values are not sealed, which stays as it is', () => {
    using cache = new Cache(freshDirectory());
    cache.set('k', MARKER);
    cache.close();
    expect(() => openSealed(cache.directory)).toThrow(errorWithCode('BAD_OPTION', /encryptExisting/));
    using again = new Cache(cache.directory);
    expect(again.get('k')).toBe(MARKER);
  });

  it('seals a store that is empty', () => {
    using cache = new Cache(freshDirectory());
    cache.close();
    using sealed = openSealed(cache.directory);
    sealed.set('k', MARKER);
    sealed.close();
    expect(() => new Cache(cache.directory)).toThrow(errorWithCode('WRONG_KEY'));
  });

  it('is missed by a process that had the store open before it was sealed', async () => {
    using cache = new Cache(freshDirectory());
    expect(cache.size).toBe(0);
    using sealed = openSealed(cache.directory);
    sealed.set('k', MARKER);
    await Promise.resolve();
    expect(() => cache.get('k')).toThrow(errorWithCode('WRONG_KEY'));
    expect(() => cache.transact(() => cache.set('k', 1))).toThrow(errorWithCode('WRONG_KEY'));
    expect(sealed.get('k')).toBe(MARKER);
  });

  it('is found again where the table of settings has lost its record', () => {
    using cache = openSealed();
    const { directory } = cache;
    cache.set('k', MARKER);
    cache.close();
    changeDatabase(directory, (database) => database.exec("DELETE FROM setting WHERE name = 'seal'"));
    using again = openSealed(directory);
    expect(again.get('k')).toBe(MARKER);
    again.close();
    rmSync(join(directory, 'seal'));
    using repaired = openSealed(directory);
    expect(repaired.get('k')).toBe(MARKER);
    repaired.close();
    changeDatabase(directory, (database) => database.exec("DELETE FROM setting WHERE name = 'seal'"));
    rmSync(join(directory, 'seal'));
    expect(() => openSealed(directory)).toThrow(errorWithCode('CORRUPT', /record of its keys/));
    expect(() => new Cache(directory)).toThrow(errorWithCode('CORRUPT', /record of its keys/));
  });

  it('has signed its record: a changed byte in it is noticed', () => {
    using cache = openSealed();
    const { directory } = cache;
    cache.close();
    let record: Uint8Array = new Uint8Array(0);
    changeDatabase(directory, (database) => {
      record = database.prepare("SELECT value FROM setting WHERE name = 'seal'").pluck().get() as Buffer;
    });
    for (let at = 0; at < record.length; at++) {
      const changed = Buffer.from(record);
      changed[at]! ^= 1;
      changeDatabase(directory, (database) =>
        database.prepare("UPDATE setting SET value = ? WHERE name = 'seal'").run(changed),
      );
      // Another store id or key id looks like that of another key.
      expect(() => openSealed(directory)).toThrow(/sealed/);
    }
  });
});

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

describe('a sealed file', () => {
  const CHUNK = 65_536;

  it.each([0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 5])(
    'of %d bytes is read whole and in parts',
    async (length) => {
      using cache = openSealed(freshDirectory(), { fileThreshold: 0 });
      const bytes = createBytes(length);
      await cache.writeStream('stream', toChunks(bytes, 10_007));
      cache.set('whole', bytes);
      for (const key of ['stream', 'whole']) {
        expect(cache.get(key)).toEqual(bytes);
        expect(await readStream(cache.openReadStream(key))).toEqual(Buffer.from(bytes));
        const opened = cache.openBytes(key)!;
        expect([opened.size, opened.isText]).toEqual([length, false]);
        for (const start of [0, 1, CHUNK - 1, CHUNK, 2 * CHUNK, length - 1, length, length + 10]) {
          for (const end of [0, 1, CHUNK, CHUNK + 1, 2 * CHUNK + 7, length, length + 1]) {
            if (start < 0 || end < start) continue;
            const part = Buffer.from(bytes.subarray(start, end));
            expect(await readStream(cache.openReadStream(key, { start, end }))).toEqual(part);
            expect(await readStream(opened.stream({ start, end }))).toEqual(part);
          }
        }
      }
      expect(cache.check()).toEqual([]);
      expect(cache.getEntry('whole')!.bytes).toBe(length);
    },
  );

  it('holds texts, and tells so', async () => {
    using cache = openSealed(freshDirectory(), { fileThreshold: 0 });
    cache.set('k', 'grüße');
    expect(cache.openBytes('k')).toMatchObject({ size: 7, isText: true });
    expect((await readStream(cache.openReadStream('k', { start: 2 }))).toString()).toBe('üße');
  });

  it('is not left behind by a stream that is refused', async () => {
    using cache = openSealed(freshDirectory());
    const broken = (async function* () {
      yield new Uint8Array(10);
      yield 'text' as never;
    })();
    await expect(cache.writeStream('k', broken)).rejects.toEqual(errorWithCode('BAD_VALUE', /not a Uint8Array/));
    expect(listFiles(join(cache.directory, 'values'))).toEqual([]);
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
