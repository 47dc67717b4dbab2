import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeValue } from '../../main/engine/values/codec.ts';
import { encodeKey } from '../../main/engine/values/key.ts';
import type { Key } from '../../protocol/key.ts';
import { estimateStoredBytes } from '../../protocol/stored-size.ts';

const text = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('\0"\\\n', '\ud800', '中'.repeat(50), 'é'),
);
const leaf = fc.oneof(
  text,
  fc.double(),
  fc.integer(),
  fc.bigInt(),
  fc.boolean(),
  fc.constantFrom(null, undefined, -0),
  fc.date({ noInvalidDate: true }),
  fc.uint8Array(),
  fc.float64Array(),
  fc.constantFrom(/a+\/\n/giu, Object('text'), Object(5n), Object(1), 2n ** 4000n, -(2n ** 70n)),
  text.map((message) => new TypeError(message, { cause: { message } })),
);
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    leaf,
    fc.array(tie('value'), { maxLength: 4 }),
    fc
      .array(tie('value'), { maxLength: 4 })
      .map((parts) => Object.assign(parts, { [`named ${parts.length}`]: parts.at(-1) })),
    fc.dictionary(text, tie('value'), { maxKeys: 3 }),
    fc.array(tie('value'), { maxLength: 3 }).map((members) => new Set(members)),
    fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 2 }).map((entries) => new Map(entries)),
    tie('value').map((part) => [part, { part }, part]),
    fc.integer({ min: 0, max: 50 }).map((length) => new Array(length)),
  ),
}));

const settings = { codec: 'structured', compression: 'none' } as const;

describe('the charge for a write', () => {
  it('is never less than the stored bytes', () => {
    fc.assert(
      fc.property(value, (it) => {
        expect(estimateStoredBytes(it)).toBeGreaterThanOrEqual(encodeValue(it, settings).bytes);
      }),
      { numRuns: 3000 },
    );
  });

  it('is never less where JSON writes repeated parts out again', () => {
    const json = fc
      .json()
      .map((text) => JSON.parse(text.replaceAll('-0', '0')) as unknown)
      .map((part) => [part, { part }, [part, part]]);
    fc.assert(
      fc.property(fc.oneof(json, fc.array(text)), (it) => {
        const { bytes } = encodeValue(it, { codec: 'json', compression: 'none' });
        expect(estimateStoredBytes(it, true)).toBeGreaterThanOrEqual(bytes);
      }),
      { numRuns: 1000 },
    );
    const row = { name: 'x'.repeat(100) };
    expect(estimateStoredBytes(new Array(1000).fill(row), true)).toBeGreaterThan(100_000);
    expect(estimateStoredBytes(new Array(1000).fill(row))).toBeLessThan(20_000);
  });

  it('is never less than a key takes', () => {
    const key = fc.oneof(leaf, fc.array(leaf), fc.dictionary(text, leaf)) as fc.Arbitrary<Key>;
    const lengthOf = (it: Key) => {
      try {
        const column = encodeKey(it);
        return typeof column === 'number' ? 8 : typeof column === 'string' ? Buffer.byteLength(column) : column.length;
      } catch {
        return 0;
      }
    };
    fc.assert(
      fc.property(key, (it) => {
        expect(estimateStoredBytes(it)).toBeGreaterThanOrEqual(lengthOf(it));
      }),
      { numRuns: 2000 },
    );
  });

  it('is counted in time that grows with the parts, not with the ways to them', () => {
    let part: unknown = { text: 'x' };
    for (let level = 0; level < 500; level++) part = [part, part];
    expect(estimateStoredBytes(part)).toBeLessThan(50_000);
    expect(estimateStoredBytes(part, true)).toBeGreaterThan(2 ** 500);
    const circle: unknown[] = ['x'.repeat(100)];
    circle.push(circle, circle);
    expect(estimateStoredBytes(circle)).toBeLessThan(500);
    let deep: unknown[] = [];
    for (let level = 0; level < 100_000; level++) deep = [deep];
    expect(estimateStoredBytes(deep)).toBeGreaterThan(100_000);
  }, 5000);
});
