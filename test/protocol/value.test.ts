import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { encodeValue } from '../../main/engine/values/codec.ts';
import { JsonWalk, takeSnapshot } from '../../main/engine/values/structured-clone.ts';
import { copyValue, MAX_VALUE_DEPTH } from '../../protocol/clone.ts';
import { findValueFault } from '../../protocol/clone-check.ts';
import { findKeyFault } from '../../protocol/key.ts';
import { errorMatching } from '../matchers.ts';

/** What the engine stores a value as, or the fault for which it does not. */
const getFaults = (value: unknown): string | undefined => {
  const snapshot = takeSnapshot(value);
  return snapshot === undefined ? findValueFault(value) : snapshot.json ? 'json' : 'clone';
};
const jsonFault = (value: unknown): string | undefined => findValueFault(value, 'value', new JsonWalk());

/** Whether a page may send a value. */
function isCloneable(value: unknown): boolean {
  try {
    copyValue(value);
    return true;
  } catch {
    return false;
  }
}

class User {
  name = 'Ada';
}

function createNestedValue(levels: number): unknown {
  let value: unknown = 'leaf';
  for (let level = 0; level < levels; level++) value = { in: value };
  return value;
}

const cyclic: { list: unknown[] } = { list: [1] };
cyclic.list.push(cyclic);
const shared = { id: 1 };
const detached = new Uint8Array(8);
structuredClone(detached.buffer, { transfer: [detached.buffer] });
const sparse = [1, 2, 3];
delete sparse[1];
/** As many names as a dense array of its length has. */
const sparseNamed = Object.assign([1, 2, 3], { f: () => 1 });
delete sparseNamed[1];
const Namesake = class extends Map {};
Object.defineProperty(Namesake, 'name', { value: 'Map' });
const groups = /(?<year>\d+)/.exec('in 1815');

describe('a value', () => {
  it.each<[string, unknown]>([
    ['a text', 'text'],
    ['a text with half a character', '\ud800'],
    ['a number', 0.1],
    ['a boolean', true],
    ['null', null],
    ['an empty array', []],
    ['an empty object', {}],
    ['nested ones', { id: 1, name: 'Ada', tags: ['a', 'b'], nested: { deep: [null, [false]] } }],
    ['awkward names', JSON.parse('{"__proto__":{"x":1},"toJSON":1}')],
    ['an object without prototype', Object.assign(Object.create(null), { id: 1 })],
    ['objects of another realm', runInNewContext('({ id: [1, { x: 2 }] })')],
  ])('finds JSON faithful to %s', (_, value) => {
    expect(getFaults(value)).toBe('json');
    expect(jsonFault(value)).toBeUndefined();
    expect(isCloneable(value)).toBe(true);
  });

  it.each<[string, unknown]>([
    [' is undefined', undefined],
    ['.a is undefined', { a: undefined }],
    ['.a[0] is -0', { a: [-0] }],
    ['[0] is NaN', [NaN]],
    ['.a is Infinity', { a: Infinity }],
    [' is a bigint', 5n],
    ['.at is a Date', { at: new Date(0) }],
    [' is a Date', new Date(NaN)],
    [' is a RegExp', /x/g],
    [' is a Map', new Map([['a', { b: new Set([1]) }]])],
    [' is a Set', new Set()],
    [' is a Uint8Array', new Uint8Array(2)],
    [' is a Buffer', Buffer.from('pooled')],
    [' is an ArrayBuffer', new ArrayBuffer(2)],
    [' is a DataView', new DataView(new ArrayBuffer(2))],
    [' is a Float64Array', new Float64Array(2)],
    [' is a TypeError', new TypeError('bad', { cause: { code: 1 } })],
    [' is a Number', new Number(1)],
    [' is a String', new String('abc')],
    [' is a BigInt', Object(1n)],
    [' is an array with holes or named properties', sparse],
    [' is an array with holes or named properties', groups],
    ['.list[1] is an object that contains itself', cyclic],
    [' is a Map', runInNewContext('new Map([[new Date(0), new Error("x")]])')],
  ])('finds structured clone faithful where JSON is not: value%s', (path, value) => {
    expect(getFaults(value)).toBe('clone');
    expect(isCloneable(value)).toBe(true);
    expect(jsonFault(value)).toBe(`value${path}, which JSON cannot hold`);
  });

  it('keeps identity where it may: a shared part is cloned, or written twice where only JSON is allowed', () => {
    expect(getFaults({ a: shared, b: [shared] })).toBe('clone');
    expect(jsonFault({ a: shared, b: [shared] })).toBeUndefined();
  });

  it.each<[string, unknown]>([
    [' is a function', () => 1],
    [' is a symbol', Symbol('s')],
    ['.user.avatar is a Blob', { user: { avatar: new Blob(['x']) } }],
    ['[0]["two words"] is a function', [{ 'two words': User }]],
    ['.user is a User', { user: new User() }],
    [' is an instance of a class without a name', new (class extends Map {})()],
    [' is a Basket', new (class Basket extends Array {})()],
    [' is an object with a prototype of its own', Object.create(shared)],
    ['[0] is a Promise', [Promise.resolve()]],
    [' is a WeakMap', new WeakMap()],
    [' is a URL', new URL('https://example.org')],
    [' is a Response', new Response('')],
    [' is a SharedArrayBuffer', new SharedArrayBuffer(2)],
    [' is a Uint8Array on a SharedArrayBuffer', new Uint8Array(new SharedArrayBuffer(2))],
    ['.a is a Uint8Array on a detached ArrayBuffer', { a: detached }],
    [' is a detached ArrayBuffer', detached.buffer],
    [' is an object with a symbol as property name', { [Symbol('s')]: 1 }],
    [' is an Error with the property "code", which would be lost', Object.assign(new Error('x'), { code: 'E' })],
    [' is a HttpError', new (class HttpError extends Error {})()],
    [' is an AggregateError', new AggregateError([])],
    [' is a DOMException', new DOMException('x')],
    ['.cause is a function', new Error('x', { cause: () => 1 })],
    [' is a Map with the property "size2", which would be lost', Object.assign(new Map(), { size2: 1 })],
    [' is a Date with the property "zone", which would be lost', Object.assign(new Date(0), { zone: 1 })],
    [' is a RegExp with a lastIndex other than 0, which would be lost', Object.assign(/x/g, { lastIndex: 2 })],
    [' is a String with the property "extra", which would be lost', Object.assign(new String('ab'), { extra: 1 })],
    ['.index.get("a").f is a function', { index: new Map([['a', { f: () => 1 }]]) }],
    [
      '.values()[1] is a function',
      new Map<unknown, unknown>([
        [{}, 1],
        [{}, () => 1],
      ]),
    ],
    ['.keys()[0] is a symbol', new Map([[Symbol('s'), 1]])],
    ['.values()[1][0] is a symbol', new Set([1, [Symbol('s')]])],
    ['.f is a function', Object.assign([1], { f: () => 1 })],
    ['.b.c is a symbol', { a: undefined, b: { c: Symbol('s') } }],
    ['.user is a Member', runInNewContext('({ user: new (class Member {}) })')],
    [' is a Map', new Namesake()],
    [' is an object with a prototype of its own', Object.create(Object.create(null))],
    ['.f is a function', sparseNamed],
    [' is a proxy or an imitation of a Map', Object.setPrototypeOf({}, Map.prototype)],
    ['.seen is a proxy or an imitation of a Set', { seen: new Proxy(new Set(), {}) }],
    [' is an object with a symbol as property name', Reflect],
  ])('says: value%s', (path, value) => {
    expect(takeSnapshot(value)).toBeUndefined();
    expect(findValueFault(value)).toBe(`value${path}`);
    expect(isCloneable(value)).toBe(false);
    expect(isCloneable({ inside: [new Map([[1, new Set([value])]])] })).toBe(false);
    expect(jsonFault(value)).toBeDefined();
  });

  it('accepts nesting up to the limit and no deeper', () => {
    expect(getFaults(createNestedValue(MAX_VALUE_DEPTH))).toBe('json');
    expect([MAX_VALUE_DEPTH, MAX_VALUE_DEPTH + 1].map((levels) => isCloneable(createNestedValue(levels)))).toEqual([
      true,
      false,
    ]);
    expect(findValueFault(createNestedValue(MAX_VALUE_DEPTH + 1))).toBe(
      `value${'.in'.repeat(24)}…${'.in'.repeat(24)} is nested deeper than 1000 levels`,
    );
  });

  it('shortens a long path in its middle: where the part is found stands at both ends', () => {
    const long = (at: number) => `${at}${'x'.repeat(60)}`;
    const value = [1, 2, 3, 4, 5, 6].reduceRight<unknown>(
      (inner, at) => ({ [long(at)]: inner }),
      () => 1,
    );
    expect(findValueFault(value)).toBe(`value["${long(1)}"]…["${long(6)}"] is a function`);
    expect(findKeyFault(value)).toBe(`key["${long(1)}"]…["${long(6)}"] is a function`);
    expect(findValueFault({ list: [{ name: () => 1 }] })).toBe('value.list[0].name is a function');
  });

  it('names the root as requested', () => {
    expect(findValueFault([() => 1], 'entries[3][1]')).toBe('entries[3][1][0] is a function');
    expect(findValueFault([1])).toBeUndefined();
  });

  it('survives getters and proxies that throw', () => {
    const throws = () => {
      throw new Error('no');
    };
    expect(findValueFault({ a: Object.defineProperty({}, 'x', { enumerable: true, get: throws }) })).toBe(
      'value.a.x is not readable (no)',
    );
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    expect(findValueFault({ proxy })).toMatch(/^value\.proxy is /);
    expect(findValueFault(proxy)).toMatch(/^value is /);
    expect([isCloneable({ proxy }), isCloneable(proxy)]).toEqual([false, false]);
  });
});

describe('toCopy', () => {
  const odd = fc.constantFrom<unknown>(
    () => 1,
    Symbol('s'),
    new URL('https://example.org'),
    Object.create(shared),
    Object.assign(new Error('x'), { code: 'E' }),
    Object.assign(/x/g, { lastIndex: 2 }),
    sparse,
    cyclic,
    groups,
    detached,
    new Date(Number.NaN),
    Object(1n),
    new DataView(new ArrayBuffer(2)),
    new RangeError('bad', { cause: [User] }),
  );
  const value = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      {
        weight: 9,
        arbitrary: fc.anything({
          withDate: true,
          withMap: true,
          withSet: true,
          withTypedArray: true,
          withBigInt: true,
        }),
      },
      { weight: 1, arbitrary: odd },
      { weight: 3, arbitrary: fc.array(tie('value'), { maxLength: 4 }) },
      { weight: 3, arbitrary: fc.dictionary(fc.string(), tie('value'), { maxKeys: 4 }) },
      { weight: 1, arbitrary: fc.array(fc.tuple(tie('value'), tie('value'))).map((entries) => new Map(entries)) },
    ),
  })).value;

  it('says in short what valueFault says at length', () => {
    let faults = 0;
    const property = fc.property(value, (it) => {
      const isFaulty = findValueFault(it) !== undefined;
      faults += Number(isFaulty);
      expect(isCloneable(it)).toBe(!isFaulty);
      expect(takeSnapshot(it) === undefined).toBe(isFaulty);
      if (isFaulty) return;
      expect(copyValue(it)).toEqual(it);
      expect(takeSnapshot(it)?.copy).toEqual(it);
    });
    fc.assert(property, { numRuns: 2000 });
    expect(faults).toBeGreaterThan(100);
  });
});

describe('a toJSON hung on a prototype', () => {
  afterEach(() => {
    delete (Object.prototype as { toJSON?: unknown }).toJSON;
  });

  it('rules JSON out', () => {
    Object.defineProperty(Object.prototype, 'toJSON', {
      configurable: true,
      enumerable: false,
      value: () => 'changed',
    });
    expect(getFaults({ id: 1 })).toBe('clone');
    const refused = () => encodeValue({ id: 1 }, { codec: 'json', compression: 'none' });
    expect(refused).toThrow(errorMatching('BAD_VALUE', 'value would be changed by the toJSON on a built-in prototype'));
  });
});
