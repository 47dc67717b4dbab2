import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareColumns, encodeKey } from '../../main/engine/values/key.ts';
import { parseSubscribeOptions } from '../../main/engine/values/key-filter.ts';
import type { Key } from '../../protocol/key.ts';

const parseKeyRange = (range: object) => parseSubscribeOptions(range).filter;

const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom('a', '\ud7ff', '\ue000', '\uffff', '😀', '\u{10ffff}') }),
);
const key: fc.Arbitrary<Key> = fc.oneof(text, fc.double(), fc.array(fc.oneof(text, fc.integer())));

describe('a range of keys', () => {
  it('compares texts as SQLite does, by their UTF-8 bytes', () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(Math.sign(compareColumns(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
    );
  });

  it('has the keys from its first to its last, and those with its prefix', () => {
    fc.assert(
      fc.property(key, key, key, (from, to, of) => {
        const column = encodeKey(of);
        const isWithin = compareColumns(column, encodeKey(from)) >= 0 && compareColumns(column, encodeKey(to)) < 0;
        expect(parseKeyRange({ from, to }).has(column)).toBe(isWithin);
      }),
    );
    fc.assert(
      fc.property(text, text, (prefix, rest) => {
        expect(parseKeyRange({ prefix }).has(encodeKey(prefix + rest))).toBe(true);
      }),
    );
  });

  it('has one name for the same keys, and others for others', () => {
    const ids = [
      {},
      { prefix: 'a' },
      { prefix: ['a'] },
      { from: 1 },
      { from: '1' },
      { to: 1 },
      { from: [1], to: [2] },
    ].map((range) => parseKeyRange(range as object).id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(parseKeyRange({ prefix: 'a' }).id).toBe(parseKeyRange({ from: 'a', to: 'b' }).id);
    expect(parseKeyRange({ from: -0 }).id).toBe(parseKeyRange({ from: 0 }).id);
    expect([parseKeyRange({}), parseKeyRange({ to: 1 })].map(({ isUnbounded }) => isUnbounded)).toEqual([true, false]);
  });

  it('is refused when it is invalid', () => {
    expect(() => parseKeyRange({ prefix: 5 })).toThrow(/prefix/);
    expect(() => parseKeyRange({ form: 1 } as object)).toThrow(/unknown option "form"/);
    expect(() => parseKeyRange({ from: (() => 1) as never })).toThrow(expect.objectContaining({ code: 'BAD_KEY' }));
  });
});
