import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Connection } from '../../main/engine/sqlite/connection.ts';
import { compareColumns, decodeKey, encodeKey, type KeyColumn, parseKeyBounds } from '../../main/engine/values/key.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import type { Key } from '../../protocol/key.ts';
import { MAX_KEY_BYTES } from '../../protocol/key-limits.ts';
import { compareKeys, keys, texts } from './key-model.ts';

const RUNS = { numRuns: 2000 };
const sameColumn = (a: KeyColumn, b: KeyColumn): boolean => typeof a === typeof b && compareColumns(a, b) === 0;
const within = (column: KeyColumn, { lower, upper }: ReturnType<typeof parseKeyBounds>): boolean =>
  (lower === undefined || compareColumns(column, lower) >= 0) &&
  (upper === undefined || compareColumns(column, upper) < 0);
const getErrorCode = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    if (error instanceof DiskCacheError) return `${error.code} ${error.message}`;
    throw error;
  }
  return 'nothing thrown';
};

/** −0 becomes 0 as a key, so the expected key is normalized too. */
function withoutMinusZero(key: Key): Key {
  if (typeof key === 'number') return key + 0;
  if (Array.isArray(key)) return key.map(withoutMinusZero);
  if (key === null || typeof key !== 'object' || key instanceof Date || key instanceof Uint8Array) return key;
  return Object.fromEntries(Object.entries(key).map(([name, part]) => [name, withoutMinusZero(part)]));
}

describe('a key as a column', () => {
  it('comes back deeply equal', () => {
    fc.assert(
      fc.property(keys, (key) => {
        expect(isDeepStrictEqual(decodeKey(encodeKey(key)), withoutMinusZero(key))).toBe(true);
      }),
      RUNS,
    );
  });

  it('sorts as the keys do', () => {
    fc.assert(
      fc.property(keys, keys, (a, b) => {
        expect(Math.sign(compareColumns(encodeKey(a), encodeKey(b)))).toBe(Math.sign(compareKeys(a, b)));
      }),
      RUNS,
    );
  });

  it('is equal exactly when the keys are deeply equal', () => {
    fc.assert(
      fc.property(keys, keys, (a, b) => {
        const equal = isDeepStrictEqual(withoutMinusZero(a), withoutMinusZero(b));
        expect(sameColumn(encodeKey(a), encodeKey(b))).toBe(equal);
      }),
      RUNS,
    );
  });

  it('sorts in SQLite as compareColumns says', () => {
    const database = new Connection(':memory:', { readOnly: false, timeout: 0 });
    database.execute('CREATE TABLE sample (key BLOB PRIMARY KEY)');
    const insert = database.prepare('INSERT OR IGNORE INTO sample VALUES (?)');
    const sample = fc.sample(keys, { numRuns: 3000, seed: 7 });
    for (const key of sample) insert.run(encodeKey(key));
    const stored = database.prepare<[], [KeyColumn]>('SELECT key FROM sample ORDER BY key').all();
    const sorted = sample
      .toSorted(compareKeys)
      .filter((key, at, all) => at === 0 || compareKeys(all[at - 1] as Key, key) !== 0);
    database.close();
    expect(stored.length).toBeGreaterThan(1000);
    expect(stored.map(([column]) => decodeKey(column))).toEqual(sorted.map(withoutMinusZero));
  });

  it('leaves strings and numbers readable', () => {
    expect(encodeKey('plain')).toBe('plain');
    expect(encodeKey(42.5)).toBe(42.5);
    expect(Object.is(encodeKey(-0), 0)).toBe(true);
  });

  it('differs for 1, 1n, "1", true and [1]', () => {
    const columns = [1, 1n, '1', true, [1], { 1: 1 }, Uint8Array.of(1), new Date(1)].map((key) => encodeKey(key));
    for (const [at, a] of columns.entries())
      for (const b of columns.slice(at + 1)) expect(sameColumn(a, b)).toBe(false);
  });

  it('does not depend on the order of properties', () => {
    expect(encodeKey({ b: 2, a: { d: 4, c: 3 } })).toEqual(encodeKey({ a: { c: 3, d: 4 }, b: 2 }));
  });

  it('copies exactly the bytes of a view', () => {
    const pooled = Buffer.from('neighbour secret neighbour').subarray(10, 16);
    const key = decodeKey(encodeKey(pooled)) as Uint8Array;
    expect(key.constructor).toBe(Uint8Array);
    expect(key).toEqual(new TextEncoder().encode('secret'));
    expect(key.buffer.byteLength).toBe(6);
    const column = encodeKey([pooled]) as Uint8Array;
    expect(column.buffer.byteLength).toBe(column.length);
  });

  it('keeps __proto__ as an ordinary name', () => {
    const key = decodeKey(encodeKey(JSON.parse('{"__proto__":{"polluted":1}}') as Key));
    expect(Object.keys(key as object)).toEqual(['__proto__']);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });
});

describe('a range of keys', () => {
  it('contains exactly the arrays that begin with an array prefix', () => {
    const arrays = fc.array(fc.oneof(fc.constantFrom<Key>(1, 'a', null, NaN, [], [1]), keys), { maxLength: 4 });
    fc.assert(
      fc.property(fc.oneof(arrays, keys), arrays, (key, prefix) => {
        const begins =
          Array.isArray(key) &&
          key.length >= prefix.length &&
          prefix.every((part, at) => compareKeys(part, key[at] as Key) === 0);
        expect(within(encodeKey(key), parseKeyBounds({ prefix }))).toBe(begins);
      }),
      RUNS,
    );
  });

  it('contains exactly the strings that begin with a string prefix', () => {
    const longer = fc.tuple(texts, texts).chain(([a, b]) => fc.constantFrom(a, b, a + b));
    fc.assert(
      fc.property(fc.oneof(longer, keys), texts, (key, prefix) => {
        const begins = typeof key === 'string' && [...prefix].every((character, at) => [...key][at] === character);
        expect(within(encodeKey(key), parseKeyBounds({ prefix }))).toBe(begins);
      }),
      RUNS,
    );
  });

  it.each([
    ['a', 'b'],
    ['a\u{10ffff}', 'b'],
    ['\ud7ff', '\ue000'],
    ['\uffff', '\u{10000}'],
    ['x\u{10ffff}\u{10ffff}', 'y'],
  ])('ends after %j at %j', (prefix, upper) => {
    expect(parseKeyBounds({ prefix })).toEqual({ lower: prefix, upper });
  });

  it('ends after the last possible string, at the first key that is not a string', () => {
    for (const prefix of ['', '\u{10ffff}', '\u{10ffff}\u{10ffff}']) {
      expect(parseKeyBounds({ prefix }).upper).toEqual(new Uint8Array(0));
    }
  });

  it('intersects from (inclusive), to (exclusive) and prefix', () => {
    fc.assert(
      fc.property(keys, keys, keys, fc.option(texts, { nil: undefined }), (key, from, to, prefix) => {
        const bounds = parseKeyBounds(prefix === undefined ? { from, to } : { from, to, prefix });
        const begins = prefix === undefined || (typeof key === 'string' && key.startsWith(prefix));
        expect(within(encodeKey(key), bounds)).toBe(begins && compareKeys(key, from) >= 0 && compareKeys(key, to) < 0);
      }),
      RUNS,
    );
    expect(parseKeyBounds({})).toEqual({ lower: undefined, upper: undefined });
  });

  it('refuses a prefix that is neither array nor string', () => {
    expect(getErrorCode(() => parseKeyBounds({ prefix: 5 }))).toMatch(/^BAD_OPTION prefix/);
    expect(getErrorCode(() => parseKeyBounds({ prefix: [() => 1] as unknown as Key }))).toMatch(
      /^BAD_KEY key\[0\] is a function/,
    );
  });
});

describe('an invalid key', () => {
  it('is refused with the path', () => {
    expect(getErrorCode(() => encodeKey(['a', { b: [undefined] }] as unknown as Key))).toMatch(
      /^BAD_KEY key\[1\]\.b\[0\] is undefined/,
    );
    expect(getErrorCode(() => encodeKey('a\ud800'))).toMatch(/^BAD_KEY .*lone surrogate/);
  });

  it('is one with too many bytes, counted as UTF-8', () => {
    const most = 'é'.repeat(MAX_KEY_BYTES / 2);
    expect(encodeKey(most)).toBe(most);
    expect(getErrorCode(() => encodeKey(`${most}x`))).toMatch(/^BAD_KEY key is 65537 bytes long, the limit is 65536/);
    expect(getErrorCode(() => encodeKey([most]))).toMatch(/^BAD_KEY key is 65540 bytes long/);
    expect(getErrorCode(() => encodeKey(new Uint8Array(MAX_KEY_BYTES)))).toMatch(
      /^BAD_KEY key is longer than 65536 bytes/,
    );
    expect(getErrorCode(() => encodeKey(2n ** BigInt(MAX_KEY_BYTES * 8 - 1)))).toMatch(
      /^BAD_KEY key is 65540 bytes long/,
    );
    expect(getErrorCode(() => encodeKey(-(2n ** 200_000_000n)))).toMatch(/^BAD_KEY key is longer/);
  });
});

describe('a damaged key column', () => {
  it('is CORRUPT or another key, never a crash', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (column) => {
        expect(getErrorCode(() => decodeKey(column))).toMatch(/^(nothing thrown|CORRUPT The stored key x')/);
      }),
      RUNS,
    );
  });

  it('is CORRUPT when it is truncated or too long', () => {
    const column = encodeKey(['user', 42, { a: 5n }, new Date(0), Uint8Array.of(0)]) as Uint8Array;
    for (let length = 0; length < column.length; length++) {
      expect(getErrorCode(() => decodeKey(column.subarray(0, length)))).toMatch(/^CORRUPT/);
    }
    expect(getErrorCode(() => decodeKey(Uint8Array.of(...column, 0)))).toMatch(/^CORRUPT/);
  });

  it('is CORRUPT when it nests too deeply', () => {
    expect(getErrorCode(() => decodeKey(new Uint8Array(1_000_000).fill(0x80)))).toMatch(/^CORRUPT/);
  });
});
