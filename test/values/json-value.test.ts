import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isEqual } from '../../main/engine/values/equality.ts';
import { fromJson, toJson } from '../../main/engine/values/json-value.ts';

const viaJson = (value: unknown): unknown => fromJson(JSON.parse(JSON.stringify(toJson(value))));

const leaf = fc.oneof(
  fc.string(),
  fc.double(),
  fc.bigInt(),
  fc.boolean(),
  fc.constantFrom(null, undefined),
  fc.uint8Array(),
  fc.date({ noInvalidDate: true }),
);
const value = fc.letrec((tie) => ({
  any: fc.oneof({ depthSize: 'small' }, leaf, tie('array'), tie('object'), tie('map'), tie('set')),
  array: fc.array(tie('any')),
  object: fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('$date', '$map', '$object', '__proto__')), tie('any')),
  map: fc.array(fc.tuple(leaf, tie('any'))).map((entries) => new Map(entries)),
  set: fc.array(leaf).map((items) => new Set(items)),
})).any;

describe('values as JSON', () => {
  it('come back as they were', () => {
    fc.assert(
      fc.property(value, (given) => {
        expect(viaJson(given)).toEqual(given);
      }),
    );
  });

  it('are plain where JSON has the type', () => {
    expect(toJson({ a: [1, 'x', null, true] })).toEqual({ a: [1, 'x', null, true] });
  });

  it('keep what occurs twice, and what contains itself', () => {
    const twice = { a: 1 };
    const [one, other] = viaJson([twice, twice]) as object[];
    expect(one).toEqual(twice);
    expect(other).toBe(one);
    const map = new Map<unknown, unknown>();
    map.set('self', [new Set([map])]);
    const copy = viaJson(map) as typeof map;
    expect([...(copy.get('self') as [Set<unknown>])[0]][0]).toBe(copy);
    const error: Error & { cause?: unknown } = new RangeError('m');
    error.cause = { error };
    const read = viaJson(error) as typeof error;
    expect(read).toBeInstanceOf(RangeError);
    expect(read.message).toBe('m');
    expect(read.stack).toBe(error.stack);
    expect((read.cause as { error: unknown }).error).toBe(read);
  });

  it('keep every type that a store keeps', () => {
    const named: unknown[] & { name?: string } = [1];
    named.name = 'x';
    const values = [
      // biome-ignore lint/suspicious/noSparseArray: what is tested
      [1, , 3],
      named,
      new Array(2 ** 32 - 1),
      new Date(Number.NaN),
      /a\/b/giu,
      Object(1n),
      Object('text'),
      Object(false),
      new Float64Array([1, Number.NaN]),
      new BigInt64Array([-1n]),
      new DataView(new ArrayBuffer(3)),
      new Uint8Array([1, 2]).buffer,
      'a\ud800',
      { 'a\ud800': '\udfff' },
      new Map<unknown, unknown>([[{ a: 1 }, undefined]]),
      [-0, Number.NaN, Number.NEGATIVE_INFINITY, -(2n ** 70n)],
    ];
    for (const given of values) {
      const read = viaJson(given);
      expect(isEqual(read, given), String(Object.prototype.toString.call(given))).toBe(true);
    }
  });

  it.each([
    { $bigint: '0x1' },
    { $number: '7' },
    { $date: 'soon' },
    { $bytes: 'a' },
    { $view: ['Function', ''] },
    { $view: ['Float64Array', 'AAAA'] },
    { $map: [[1]] },
    { $set: 1 },
    { $regexp: ['(', ''] },
    { $sparse: [-1, []] },
    { $sparse: [1, [['length', 7]]] },
    { $sparse: [1, [['5', 7]]] },
    { $error: 'x' },
    { $boxed: { a: 1 } },
    { $object: [] },
    { $again: 0 },
    [{ $shared: [0, {}] }, { $shared: [0, {}] }],
  ])('refuses %j', (json) => {
    expect(() => fromJson(json)).toThrow(expect.objectContaining({ code: 'BAD_VALUE' }));
  });

  it('refuses JSON that is nested too deeply, and never changes a prototype', () => {
    expect(() => fromJson(JSON.parse(`${'['.repeat(1e5)}${']'.repeat(1e5)}`))).toThrow(/nested/);
    let deep: unknown = 1;
    for (let level = 0; level < 1000; level++) deep = new Map([['again', deep]]);
    expect(isEqual(viaJson(deep), deep)).toBe(true);
    const read = fromJson(JSON.parse('{"__proto__": {"polluted": 1}}')) as object;
    expect(Object.getPrototypeOf(read)).toBe(Object.prototype);
    expect(Object.keys(read)).toEqual(['__proto__']);
  });

  it('keep what only looks like a tag', () => {
    expect(viaJson({ $date: 'today' })).toEqual({ $date: 'today' });
    expect(fromJson({ $unknown: 1 })).toEqual({ $unknown: 1 });
  });
});
