import fs, { readdirSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { describe, expect, it } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import { checksum, ENCODING } from '../../main/engine/values/encoding.ts';
import { FileStore } from '../../main/engine/values/file-store.ts';
import { errorMatching } from '../matchers.ts';
import { freshDirectory } from './fresh-directory.ts';

const GiB = 1024 ** 3;
/** More than Node reads or writes in one call. */
const OVER_LIMIT_BYTES = 2 * GiB + 5;

const valueFiles = (directory: string): string[] =>
  readdirSync(directory, { recursive: true }).filter((name) => String(name).endsWith('.val')) as string[];

/** Runs `act` on a disk that takes everything and keeps only how long each write was: as Node it refuses 2 GiB and more. */
function discardWrites(act: () => void): number[] {
  const { writeSync } = fs;
  const lengths: number[] = [];
  try {
    const nowhere = (_: number, data: Uint8Array, at: number, length: number): number => {
      if (at + length > data.length || length >= 2 * GiB) throw new RangeError('out of range');
      lengths.push(length);
      return length;
    };
    fs.writeSync = nowhere as typeof writeSync;
    syncBuiltinESMExports();
    act();
  } finally {
    fs.writeSync = writeSync;
    syncBuiltinESMExports();
  }
  return lengths;
}

describe('a value of more than 2 GiB', () => {
  it('that was streamed in is whole for check, and comes back by get', async () => {
    using cache = new Cache<string, Uint8Array>(freshDirectory(), { sizeLimit: Number.POSITIVE_INFINITY, memory: 0 });
    const chunk = new Uint8Array(64 * 1024 * 1024);
    await cache.writeStream(
      'film',
      (async function* () {
        for (let left = OVER_LIMIT_BYTES; left > 0; left -= chunk.length)
          yield chunk.fill(7).subarray(0, Math.min(left, chunk.length));
      })(),
    );
    expect(cache.check({ repair: true })).toEqual([]);
    const film = cache.get('film')!;
    expect([film.length, film[0], film.at(-1)]).toEqual([OVER_LIMIT_BYTES, 7, 7]);
  }, 300_000);

  it('is written in pieces that Node takes', () => {
    const store = new FileStore(freshDirectory(), 'process');
    // Memory that nobody has written to takes none.
    const value = new Uint8Array(OVER_LIMIT_BYTES);
    const lengths = discardWrites(() => expect(store.stage(value).bytes).toBe(OVER_LIMIT_BYTES));
    expect(lengths).toEqual([GiB, GiB, 5]);
  });

  it('has the check of its chunks', () => {
    const value = new Uint8Array(GiB + 5);
    let check: number = ENCODING.bytes;
    for (let at = 0; at < value.length; at += 5e8) check = checksum(check, value.subarray(at, at + 5e8));
    expect(checksum(ENCODING.bytes, value)).toBe(check);
  });
});

describe('a value of more than SQLite takes in a row', () => {
  it('is in a file, whatever the threshold says', () => {
    const options = { sizeLimit: Number.POSITIVE_INFINITY, fileThreshold: Number.POSITIVE_INFINITY, memory: 0 };
    using cache = new Cache<string, Uint8Array>(freshDirectory(), options);
    discardWrites(() => cache.set('k', new Uint8Array(600 * 1024 ** 2)));
    expect(valueFiles(cache.directory)).toHaveLength(1);
  });
});

describe('a value of 4 GiB inside another one', () => {
  it('is refused before it is written, for its length would not fit', () => {
    using cache = new Cache<string, unknown>(freshDirectory(), { sizeLimit: Number.POSITIVE_INFINITY });
    expect(() => cache.set('k', { part: new Uint8Array(4 * GiB) })).toThrow(errorMatching('TOO_LARGE', 'Uint8Array'));
    expect(cache.size).toBe(0);
  });
});

describe('a value that is larger than the limit', () => {
  it('is refused before the work of reading it', () => {
    using cache = new Cache<string, unknown>(freshDirectory());
    const began = performance.now();
    for (let nth = 0; nth < 20; nth++) {
      expect(() => cache.set('k', new Uint8Array(8 * GiB))).toThrow(errorMatching('TOO_LARGE', 'sizeLimit'));
    }
    // Its checksum alone takes more than a second each time.
    expect(performance.now() - began).toBeLessThan(10_000);
  });
});

describe('a text with so many halves of surrogate pairs that its JSON is longer than a string can be', () => {
  const text = '\ud800'.repeat(90_000_000);

  it('comes back equal', () => {
    using cache = new Cache<string, string>(freshDirectory(), { memory: 0 });
    cache.set('k', text);
    // Not `toBe`, whose message would be written out.
    expect(cache.get('k') === text).toBe(true);
  });

  it('is TOO_LARGE for a store that keeps JSON', () => {
    using cache = new Cache<string, unknown>(freshDirectory(), { codec: 'json' });
    expect(() => cache.set('k', text)).toThrow(errorMatching('TOO_LARGE', 'JSON'));
  });
});
