import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Cache, Deque, FanoutCache, Index, reopen, Settings } from '../../main/engine/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import {
  changeDatabase,
  errorWithCode,
  findPlaintext,
  KEY,
  listFiles,
  MARKER,
  OTHER_KEY,
  openSealed,
  readRows,
  toChunks,
} from './sealed-fixture.ts';

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

  it('is refused by a FanoutCache with values in some of its shards, which all stay as they are', () => {
    using cache = new FanoutCache(freshDirectory(), { shards: 8 });
    cache.set('k', MARKER);
    cache.close();
    const open = () => new FanoutCache(cache.directory, { encryptionKey: KEY });
    expect(open).toThrow(errorWithCode('BAD_OPTION', /encryptExisting/));
    using again = new FanoutCache(cache.directory);
    expect(again.get('k')).toBe(MARKER);
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
