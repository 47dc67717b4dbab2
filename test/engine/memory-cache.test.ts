import { expect, it } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import { freshDirectory } from './fresh-directory.ts';

/** Every byte there is, in a stretch that V8 keeps outside its heap. */
const BYTES = Uint8Array.from({ length: 256 }, (_, nth) => nth);

it('returns bytes that are not shared, from disk or from memory', () => {
  using cache = new Cache(freshDirectory());
  cache.set('a', BYTES);
  for (const from of ['disk', 'memory', 'memory again']) {
    const value = cache.get('a') as Uint8Array;
    expect(value, from).toStrictEqual(BYTES);
    expect(value.buffer.byteLength, from).toBe(BYTES.length);
    value.fill(0);
  }
});

it('gives what holds bytes back from memory, compressed or not', () => {
  const value = { bytes: BYTES, again: new Uint8Array(4000) };
  using plain = new Cache(freshDirectory());
  using packed = new Cache(freshDirectory(), { compression: 'zstd' });
  for (const cache of [plain, packed]) {
    cache.set(['key', BYTES], value);
    cache.set('text', 'ü€'.repeat(2000));
    for (let read = 0; read < 2; read++) {
      expect(cache.get(['key', BYTES])).toStrictEqual(value);
      expect(cache.get('text')).toBe('ü€'.repeat(2000));
    }
  }
});

it('keeps what was read, whatever a codec writes into the bytes it is given', () => {
  const spoiling = {
    name: 'spoiling',
    encode: (value: unknown) => value as Uint8Array,
    decode: (data: string | Uint8Array) => {
      const copy = Uint8Array.from(data as Uint8Array);
      (data as Uint8Array).fill(0);
      return copy;
    },
  };
  using cache = new Cache(freshDirectory(), { codec: spoiling });
  cache.set('a', BYTES);
  for (let read = 0; read < 3; read++) expect(cache.get('a')).toStrictEqual(BYTES);
});
