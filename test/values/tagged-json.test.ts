import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromJson, toJson } from '../../main/engine/values/tagged-json.ts';

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

  it('that contain themselves are refused, and what occurs twice is not', () => {
    const twice = { a: 1 };
    expect(toJson([twice, twice])).toEqual([twice, twice]);
    const loop: unknown[] = [];
    loop.push({ loop });
    expect(() => toJson(loop)).toThrow(/contains itself/);
  });

  it('keep what only looks like a tag', () => {
    expect(viaJson({ $date: 'today' })).toEqual({ $date: 'today' });
    expect(fromJson({ $unknown: 1 })).toEqual({ $unknown: 1 });
  });
});
