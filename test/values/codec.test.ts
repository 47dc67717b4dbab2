import { isDeepStrictEqual } from 'node:util';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Column, Connection } from '../../main/engine/sqlite/connection.ts';
import { type CodecSettings, decodeValue, type Encoded, encodeValue } from '../../main/engine/values/codec.ts';
import { ENCODING, ZSTD_FLAG } from '../../main/engine/values/encoding.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import type { Codec } from '../../protocol/options.ts';

const STRUCTURED: CodecSettings = { codec: 'structured', compression: 'none' };
const JSON_ONLY: CodecSettings = { codec: 'json', compression: 'none' };
const ZSTD_ON: CodecSettings = { codec: 'structured', compression: 'zstd' };

/** A column without affinity like the real one, so that values pass through SQLite. */
function throughColumn(data: Column): Column {
  const database = new Connection(':memory:', { readOnly: false, timeout: 0 });
  try {
    database.execute('CREATE TABLE sample (value BLOB)');
    database.prepare('INSERT INTO sample VALUES (?)').run(data);
    return (database.prepare('SELECT value FROM sample').first() as [Column])[0];
  } finally {
    database.close();
  }
}

const throughFile = (data: Encoded['data']): Encoded['data'] =>
  typeof data === 'string' ? new Uint8Array(Buffer.from(data)) : data;

function roundTrip(
  value: unknown,
  settings = STRUCTURED,
  way: (data: Encoded['data']) => unknown = throughColumn,
): unknown {
  const { mode, data, check } = encodeValue(value, settings);
  return decodeValue(mode, way(data), check, settings);
}

const catchRefusal = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    if (error instanceof DiskCacheError) return `${error.code} ${error.message}`;
    throw error;
  }
  return 'nothing thrown';
};

const cyclic: { self?: unknown; list: unknown[] } = { list: [] };
cyclic.self = cyclic;
cyclic.list.push(cyclic.list);
const sparse = [1, 2, 3];
delete sparse[1];
const named = Object.assign([1, 2], { index: 3 });

describe('a value of any kind', () => {
  it.each<[string, unknown, number]>([
    ['a text', 'text with \0, é, 😀 and \ufeffBOM\r\n', ENCODING.text],
    ['the empty text', '', ENCODING.text],
    ['half a character', 'a\ud800b', ENCODING.json],
    ['an integer', 5, ENCODING.number],
    ['the largest integers', Number.MAX_SAFE_INTEGER, ENCODING.number],
    ['a fraction', 0.1, ENCODING.number],
    ['minus zero', -0, ENCODING.number],
    ['infinity', -Infinity, ENCODING.number],
    ['the smallest number', Number.MIN_VALUE, ENCODING.number],
    ['NaN', NaN, ENCODING.word],
    ['undefined', undefined, ENCODING.word],
    ['the word undefined', 'undefined', ENCODING.text],
    ['null', null, ENCODING.json],
    ['true', true, ENCODING.json],
    ['a bigint', 2n ** 63n - 1n, ENCODING.bigint],
    ['the least 64-bit bigint', -(2n ** 63n), ENCODING.bigint],
    ['a larger bigint', 2n ** 63n, ENCODING.structured],
    ['a very large bigint', -(3n ** 5000n), ENCODING.structured],
    ['bytes', Uint8Array.of(0, 1, 255), ENCODING.bytes],
    ['no bytes', new Uint8Array(0), ENCODING.bytes],
    ['plain data', { id: 1, tags: ['a', null, { deep: true }], '': 0 }, ENCODING.json],
    ['awkward names', JSON.parse('{"__proto__":{"x":1},"constructor":1,"toJSON":2,"10":3,"2":4}'), ENCODING.json],
    ['undefined in an object', { a: undefined, b: [undefined] }, ENCODING.structured],
    ['minus zero in an array', [-0], ENCODING.structured],
    ['a Date', new Date(8.64e15), ENCODING.structured],
    ['an invalid Date', { at: new Date(NaN) }, ENCODING.structured],
    ['a RegExp', /a[/]"b/giu, ENCODING.structured],
    [
      'a Map',
      new Map<unknown, unknown>([
        [{ k: 1 }, new Set([1n, 'a'])],
        [NaN, undefined],
      ]),
      ENCODING.structured,
    ],
    ['an array with holes', sparse, ENCODING.structured],
    ['an array with properties', named, ENCODING.structured],
    ['a cycle', cyclic, ENCODING.structured],
    ['an Error', { error: new RangeError('too far', { cause: { limit: 5 } }) }, ENCODING.structured],
    ['an Error without message', new Error(), ENCODING.structured],
    ['a boxed text', [new String('ab'), new Number(-0), new Boolean(false), Object(1n)], ENCODING.structured],
    ['an ArrayBuffer', Uint8Array.of(1, 2, 3).buffer, ENCODING.structured],
    [
      'typed arrays',
      [Int16Array.of(-1), Float32Array.of(0.5), BigInt64Array.of(-1n), new DataView(new ArrayBuffer(3))],
      ENCODING.structured,
    ],
    ['an empty typed array', { none: new Float64Array(0) }, ENCODING.structured],
  ])('comes back equal: %s', (_, value, mode) => {
    expect(encodeValue(value, STRUCTURED).mode).toBe(mode);
    const back = roundTrip(value);
    expect(isDeepStrictEqual(back, value)).toBe(true);
    expect(isDeepStrictEqual(roundTrip(value, STRUCTURED, throughFile), value)).toBe(true);
  });

  it('is refused or comes back equal, for any generated value', () => {
    const anything = fc.anything({
      withBigInt: true,
      withBoxedValues: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withSparseArray: true,
      withTypedArray: true,
      withNullPrototype: false,
      stringUnit: 'binary',
      key: fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('__proto__', 'toJSON', '0')),
    });
    fc.assert(
      fc.property(anything, (value) => {
        expect(
          isDeepStrictEqual(
            roundTrip(value, STRUCTURED, (data) => data),
            value,
          ),
        ).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });

  it('keeps references to the same object', () => {
    const shared = { id: 1 };
    const back = roundTrip({ a: shared, b: [shared] }) as { a: unknown; b: unknown[] };
    expect(back.a).toBe(back.b[0]);
    const loop = roundTrip(cyclic) as typeof cyclic;
    expect(loop.self).toBe(loop);
  });

  it('becomes a plain object if it comes from another realm', () => {
    const back = roundTrip(runInNewContext('({ list: [1], when: new Date(5), bytes: new Uint8Array([1]) })'));
    expect(back).toEqual({ list: [1], when: new Date(5), bytes: Uint8Array.of(1) });
    expect(Object.getPrototypeOf(back)).toBe(Object.prototype);
  });

  it('loses only a missing prototype', () => {
    expect(roundTrip(Object.assign(Object.create(null), { a: 1 }))).toEqual({ a: 1 });
  });
});

describe('bytes', () => {
  const pool = Buffer.from('left neighbour|the bytes|right neighbour');
  const view = pool.subarray(15, 24);
  const plain = new TextEncoder().encode('the bytes');

  it('come back as exactly their own, a Buffer as a Uint8Array', () => {
    for (const back of [
      roundTrip(view),
      (roundTrip({ view, at: new Date(0) }) as { view: unknown }).view,
      (roundTrip([view, 1n]) as unknown[])[0],
    ]) {
      expect(back).toEqual(plain);
      expect((back as Uint8Array).constructor).toBe(Uint8Array);
      expect((back as Uint8Array).buffer.byteLength).toBe(plain.length);
    }
  });

  it('never include neighbouring bytes of their buffer', () => {
    for (const value of [
      view,
      { view },
      new Map([['v', view]]),
      [new Uint16Array(pool.buffer, pool.byteOffset - (pool.byteOffset % 2), 1)],
    ]) {
      const stored = Buffer.from(encodeValue(value, STRUCTURED).data as Uint8Array).toString('latin1');
      expect(stored).not.toContain('neighbour');
    }
  });

  it('do not share memory with the data read, unless that is owned', () => {
    const { mode, check } = encodeValue(plain, STRUCTURED);
    const read = new Uint8Array(plain);
    const kept = decodeValue(mode, read, check, STRUCTURED) as Uint8Array;
    expect(kept.buffer).not.toBe(read.buffer);
    expect((decodeValue(mode, read, check, STRUCTURED, true) as Uint8Array).buffer).toBe(read.buffer);
    expect((decodeValue(mode, view, check, STRUCTURED, true) as Uint8Array).buffer.byteLength).toBe(plain.length);
  });
});

describe('a value that is refused', () => {
  it('is reported with its path', () => {
    expect(catchRefusal(() => encodeValue({ user: { avatar: new Blob([]) } }, STRUCTURED))).toMatch(
      /^BAD_VALUE value\.user\.avatar is a Blob;/,
    );
    expect(catchRefusal(() => encodeValue(() => 1, STRUCTURED))).toMatch(/^BAD_VALUE value is a function;/);
    expect(catchRefusal(() => encodeValue(Symbol('s'), STRUCTURED))).toMatch(/^BAD_VALUE value is a symbol;/);
  });

  it('is a proxy in a value that only structured clone can hold, and its path is reported', () => {
    expect(catchRefusal(() => encodeValue({ at: new Date(0), list: [new Proxy({}, {})] }, STRUCTURED))).toMatch(
      /^BAD_VALUE value\.list\[0\] is a proxy, which structured clone can't copy/,
    );
  });
});

describe("codec 'json'", () => {
  it.each<[string, unknown, unknown]>([
    ['text', 'Ada', 'Ada'],
    ['numbers', 1.5, 1.5],
    ['booleans', true, 'true'],
    ['null', null, 'null'],
    ['objects', { id: 1, tags: ['a'] }, '{"id":1,"tags":["a"]}'],
  ])('stores %s as other tools read them', (_, value, column) => {
    const encoded = encodeValue(value, JSON_ONLY);
    expect(encoded.data).toBe(column);
    expect(roundTrip(value, JSON_ONLY)).toEqual(value);
  });

  it.each<[string, unknown]>([
    ['value is undefined', undefined],
    ['value is a bigint', 5n],
    ['value is -0', -0],
    ['value is NaN', NaN],
    ['value is a Uint8Array', new Uint8Array(1)],
    ['value.when is a Date', { when: new Date(0) }],
    ['value[0] is a Map', [new Map()]],
    [
      'value.self is an object that contains itself',
      {
        get self() {
          return this;
        },
      },
    ],
    ['value.f is a function', { f: () => 1 }],
  ])('refuses: %s', (fault, value) => {
    expect(catchRefusal(() => encodeValue(value, JSON_ONLY))).toContain(`BAD_VALUE ${fault}`);
  });
});

describe('a custom codec', () => {
  const reversed: Codec = {
    name: 'reversed',
    encode: (value) => [...String(value)].reverse().join(''),
    decode: (data) => [...String(data)].reverse().join(''),
  };
  const binary: Codec = {
    name: 'binary',
    encode: (value) => Buffer.from(String(value)),
    decode: (data) => Buffer.from(data as Uint8Array).toString(),
  };
  const failing: Codec = {
    name: 'failing',
    encode: () => {
      throw new RangeError('odd');
    },
    decode: () => {
      throw new RangeError('odd');
    },
  };

  it('stores its text or bytes unchanged', () => {
    expect(encodeValue('abc', { codec: reversed, compression: 'none' })).toMatchObject({
      mode: ENCODING.customText,
      data: 'cba',
    });
    expect(roundTrip('abc', { codec: reversed, compression: 'none' })).toBe('abc');
    expect(roundTrip('abc', { codec: binary, compression: 'none' })).toBe('abc');
    expect(roundTrip('abc'.repeat(1000), { codec: binary, compression: 'zstd' })).toBe('abc'.repeat(1000));
  });

  it('has distinct errors for failing, returning something invalid, and being missing', () => {
    const settings: CodecSettings = { codec: failing, compression: 'none' };
    expect(catchRefusal(() => encodeValue(1, settings))).toMatch(
      /^BAD_VALUE value was refused by the codec "failing" \(odd\)/,
    );
    const { mode, data, check } = encodeValue('abc', { codec: reversed, compression: 'none' });
    expect(catchRefusal(() => decodeValue(mode, data, check, settings))).toMatch(/^UNSUPPORTED_VERSION .*\(odd\)/);
    expect(catchRefusal(() => decodeValue(mode, data, check, STRUCTURED))).toMatch(/^BAD_OPTION .*codec/);
    const nonsense = { name: 'nonsense', encode: () => 5, decode: () => 5 } as unknown as Codec;
    expect(catchRefusal(() => encodeValue(1, { codec: nonsense, compression: 'none' }))).toMatch(
      /^BAD_VALUE the codec "nonsense" returned neither/,
    );
  });
});

describe('compression', () => {
  const text = JSON.stringify(Array.from({ length: 300 }, (_, id) => ({ id, name: `Country ${id}` })));

  it('makes large and regular values smaller, in every mode', () => {
    for (const value of [text, JSON.parse(text), new TextEncoder().encode(text), new Map([[1, text]])]) {
      const plain = encodeValue(value, STRUCTURED);
      const packed = encodeValue(value, ZSTD_ON);
      expect(packed.mode).toBe(plain.mode + ZSTD_FLAG);
      expect(packed.bytes).toBeLessThan(plain.bytes / 2);
      expect(packed.bytes).toBe((packed.data as Uint8Array).length);
      expect(roundTrip(value, ZSTD_ON)).toEqual(value);
      expect(decodeValue(packed.mode, packed.data, packed.check, STRUCTURED)).toEqual(value);
    }
  });

  it('stores small values, and those that would not get smaller, unchanged', () => {
    const noise = crypto.getRandomValues(new Uint8Array(4096));
    for (const value of ['short', 5, noise, undefined]) {
      expect(encodeValue(value, ZSTD_ON)).toEqual(encodeValue(value, STRUCTURED));
    }
  });
});

describe('the size of a stored value', () => {
  it('is counted in bytes', () => {
    expect(encodeValue('é😀', STRUCTURED).bytes).toBe(6);
    expect(encodeValue(5, STRUCTURED).bytes).toBe(8);
    expect(encodeValue(new Uint8Array(7), STRUCTURED).bytes).toBe(7);
    const map = encodeValue(new Map([[1, 2]]), STRUCTURED);
    expect(map.bytes).toBe((map.data as Uint8Array).length);
    expect((map.data as Uint8Array).buffer.byteLength).toBe(map.bytes);
  });
});
