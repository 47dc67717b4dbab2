import { describe, expect, it } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import { MemoryCache } from '../../main/engine/state/memory-cache.ts';
import { ENCODING } from '../../main/engine/values/encoding.ts';
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

describe('templates of objects', () => {
  const BUDGET = 1_000_000;
  const TEXT = JSON.stringify({ name: 'the same', list: [1, 2, 3] });

  /** Reads an entry as a store does, which leaves a template at the second hit. */
  function readAgain(memory: MemoryCache, key: string): boolean {
    for (let hit = 0; hit < 3; hit++) {
      const row = memory.get(key);
      if (row === undefined) return false;
      if (!row.template) memory.keepTemplate(row, JSON.parse(row.data as string) as object);
    }
    return true;
  }

  const fill = (memory: MemoryCache, count: number): string[] =>
    Array.from({ length: count }, (_, nth) => {
      memory.set(`key ${nth}`, nth, ENCODING.json, TEXT, null);
      return `key ${nth}`;
    });

  it('are made at the second hit, and count in the budget with more than their text', () => {
    const memory = new MemoryCache(BUDGET);
    const [key] = fill(memory, 1);
    const before = memory.bytes;
    const value = JSON.parse(TEXT) as object;
    memory.keepTemplate(memory.get(key!)!, value);
    expect(memory.bytes).toBe(before);
    memory.keepTemplate(memory.get(key!)!, value);
    expect(memory.bytes).toBeGreaterThan(before + TEXT.length * 3);
    memory.delete(key!);
    expect(memory.bytes).toBe(0);
  });

  it('evict no value, and go before values do', () => {
    const memory = new MemoryCache(BUDGET);
    const keys = fill(memory, 2000);
    for (const key of keys) expect(readAgain(memory, key), key).toBe(true);
    expect(memory.bytes).toBeLessThanOrEqual(BUDGET);
    const withTemplate = () => keys.filter((key) => memory.get(key)?.template).length;
    expect(withTemplate()).toBeGreaterThan(100);
    for (let nth = 0; nth < 500; nth++) {
      memory.set(`more ${nth}`, nth, ENCODING.text, 'x'.repeat(200), null);
      expect(memory.bytes).toBeLessThanOrEqual(BUDGET);
    }
    expect(keys.every((key) => memory.get(key) !== undefined)).toBe(true);
    memory.clear();
    expect(memory.bytes).toBe(0);
  });

  it('of an entry that was dropped since it was found are not kept', () => {
    const memory = new MemoryCache(BUDGET);
    const [key] = fill(memory, 1);
    memory.get(key!);
    const row = memory.get(key!)!;
    memory.clear();
    memory.keepTemplate(row, JSON.parse(TEXT) as object);
    expect([memory.bytes, row.template]).toEqual([0, undefined]);
  });

  it('larger than a single value may be are not made, nor tried at each read', () => {
    const memory = new MemoryCache(BUDGET);
    memory.set('a', 1, ENCODING.json, `[${'{},'.repeat(1000)}{}]`, null);
    expect(readAgain(memory, 'a')).toBe(true);
    expect(memory.get('a')!.template).toBeNull();
  });
});
