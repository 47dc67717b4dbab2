import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CodecSettings, decodeValue, encodeValue } from '../../main/engine/values/codec.ts';
import { checksum, ENCODING, type Stored, ZSTD_FLAG } from '../../main/engine/values/encoding.ts';
import { DiskCacheError } from '../../protocol/error.ts';

const SETTINGS: CodecSettings = { codec: 'structured', compression: 'zstd' };

function outcome(mode: number, data: unknown, check: number): string {
  try {
    decodeValue(mode, data, check, SETTINGS);
  } catch (error) {
    if (error instanceof DiskCacheError) return `${error.code} ${error.message}`;
    throw error;
  }
  return 'decoded';
}

/** Damage with a matching checksum: everything else must hold without its help. */
const forged = (mode: number, data: Stored): string => outcome(mode, data, checksum(mode, data));

const VALUES: readonly unknown[] = [
  'text',
  5.5,
  -0,
  NaN,
  undefined,
  null,
  12n,
  2n ** 80n,
  Uint8Array.of(1, 2, 3),
  { id: 1, name: 'Ada' },
  new Map([[1, new Float64Array(3)]]),
  'long '.repeat(500),
];

describe('the checksum of a value', () => {
  it('detects every changed byte', () => {
    for (const value of VALUES) {
      const { mode, data, check } = encodeValue(value, SETTINGS);
      const bytes =
        typeof data === 'number'
          ? new Uint8Array(Float64Array.of(data).buffer)
          : new Uint8Array(Buffer.from(data as string));
      for (let at = 0; at < bytes.length; at++) {
        const changed = new Uint8Array(bytes);
        changed[at]! ^= 1 << (at % 8);
        const stored = typeof data === 'number' ? (new Float64Array(changed.buffer)[0] as number) : changed;
        expect(outcome(mode, stored, check)).toMatch(/^CORRUPT The stored value does not match its checksum/);
      }
    }
  });

  it('detects a changed mode and a changed checksum', () => {
    for (const value of VALUES) {
      const { mode, data, check } = encodeValue(value, SETTINGS);
      for (const other of Object.values(ENCODING)) {
        if (other !== mode) expect(outcome(other, data, check)).toMatch(/^CORRUPT/);
      }
      expect(outcome(mode, data, check ^ 1)).toMatch(/^CORRUPT/);
      expect(outcome(mode, data, null as unknown as number)).toMatch(/^CORRUPT/);
    }
  });

  it('of empty data is the mode, on every version of Node', () => {
    expect(checksum(ENCODING.text, '')).toBe(ENCODING.text);
    expect(checksum(ENCODING.bytes, new Uint8Array(0))).toBe(ENCODING.bytes);
  });

  it('continues from chunk to chunk', () => {
    const whole = Buffer.from('the whole text');
    expect(checksum(checksum(2, whole.subarray(0, 5)), whole.subarray(5))).toBe(checksum(2, whole));
  });

  it('is the same for a text in a column and in a file', () => {
    for (const text of ['', 'é😀\0', 'x'.repeat(1000)]) expect(checksum(0, text)).toBe(checksum(0, Buffer.from(text)));
  });
});

describe('a column that never held this value', () => {
  it.each([[null], [5n], [{}], [undefined], [true]])('is CORRUPT when it is %s', (data) => {
    expect(outcome(ENCODING.text, data, 0)).toMatch(/^CORRUPT The stored value is stored as/);
  });

  it.each([[-1], [0.5], [256], [2 ** 40], ['0'], [null]])('is CORRUPT in mode %s', (mode) => {
    expect(outcome(mode as number, 'text', 0)).toMatch(/^CORRUPT The stored value has the unknown mode/);
  });

  it('is CORRUPT in a storage class its mode does not have', () => {
    expect(forged(ENCODING.number, 'text')).toMatch(/^CORRUPT/);
    expect(forged(ENCODING.text, 5)).toMatch(/^CORRUPT/);
    expect(forged(ENCODING.bytes, 'text')).toMatch(/^CORRUPT/);
    expect(forged(ENCODING.structured, 'text')).toMatch(/^CORRUPT/);
    expect(forged(ENCODING.number, Uint8Array.of(1))).toMatch(/^CORRUPT/);
    expect(forged(ENCODING.text + ZSTD_FLAG, 'text')).toMatch(/^CORRUPT/);
  });

  it('is UNSUPPORTED_VERSION in an unknown mode if its checksum is right', () => {
    expect(forged(63, Uint8Array.of(1))).toMatch(/^UNSUPPORTED_VERSION .*mode 63/);
    expect(outcome(63, Uint8Array.of(1), 0)).toMatch(/^CORRUPT/);
  });

  it('is CORRUPT with content its mode cannot have', () => {
    expect(forged(ENCODING.json, '{"cut":')).toMatch(/^CORRUPT/);
    expect(forged(ENCODING.bigint, '12x')).toMatch(/^CORRUPT/);
    expect(forged(ENCODING.word, 'alert')).toMatch(/^CORRUPT/);
    expect(forged(ENCODING.json + ZSTD_FLAG, Uint8Array.of(1, 2, 3))).toMatch(/^CORRUPT/);
  });
});

describe('bytes written by another program', () => {
  it('are decoded or CORRUPT, and run nothing', () => {
    const valid = encodeValue(
      { list: [new Date(0), 1n, new Map(), Buffer.from('bytes')], error: new Error('x') },
      SETTINGS,
    ).data as Uint8Array;
    const mutations = fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(mutations, (changes) => {
        const bytes = new Uint8Array(valid);
        for (const [at, byte] of changes) bytes[at] = byte;
        expect(forged(ENCODING.structured, bytes)).toMatch(/^(decoded|CORRUPT|UNSUPPORTED_VERSION)/);
      }),
      { numRuns: 2000 },
    );
  });

  it('are refused when they nest too deeply', () => {
    const nested = new Uint8Array(2_000_002).map((_, at) => (at % 2 === 0 ? 0x41 : 0x01)); // arrays of one element
    nested.set([0xff, 0x0f]);
    expect(forged(ENCODING.structured, nested)).toMatch(/^TOO_LARGE/);
    expect(forged(ENCODING.json, '['.repeat(1_000_000))).toMatch(/^CORRUPT/);
  });

  it('of a newer V8 are UNSUPPORTED_VERSION', () => {
    const bytes = new Uint8Array(encodeValue(new Date(0), SETTINGS).data as Uint8Array);
    bytes[1]! += 1;
    expect(forged(ENCODING.structured, bytes)).toMatch(/^UNSUPPORTED_VERSION .*format \d+ of V8/);
  });
});
