import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { findKeyFault } from '../../protocol/key.ts';
import { MAX_KEY_BYTES, MAX_KEY_DEPTH } from '../../protocol/key-limits.ts';

class Point {
  x = 1;
}

const cyclic: { a: { back?: unknown } } = { a: {} };
cyclic.a.back = cyclic;

const sparse = [1, 2, 3];
delete sparse[1];

function createNestedKey(levels: number): unknown {
  let key: unknown = 'leaf';
  for (let level = 0; level < levels; level++) key = [key];
  return key;
}

describe('keyFault', () => {
  it.each<[string, unknown]>([
    ['a text', 'text'],
    ['the empty text', ''],
    ['zero', 0],
    ['NaN', Number.NaN],
    ['an infinity', -Infinity],
    ['a bigint', -(2n ** 300n)],
    ['a boolean', true],
    ['null', null],
    ['a Date', new Date(0)],
    ['bytes', new Uint8Array(3)],
    ['a Buffer', Buffer.from('bytes')],
    ['an empty array', []],
    ['nested arrays', ['user', 42, [null]]],
    ['an empty object', {}],
    ['nested objects', { id: 1, 'two words': { deep: [new Date(0)] } }],
    ['an object without prototype', Object.assign(Object.create(null), { id: 1 })],
    ['objects of another realm', runInNewContext('({ id: [1, new Date(0), new Uint8Array(2)] })')],
  ])('finds nothing in %s', (_, key) => {
    expect(findKeyFault(key)).toBeUndefined();
  });

  const shared = { id: 1 };
  it('admits an object that stands in a key twice', () => expect(findKeyFault([shared, shared])).toBeUndefined());

  it.each<[string, unknown]>([
    ['key is undefined', undefined],
    ['key is a function', () => 1],
    ['key is a symbol', Symbol('s')],
    ['key[1].name is a function', ['a', { name: () => 1 }]],
    ['key["two words"][0] is undefined', { 'two words': [undefined] }],
    ['key[1] is undefined', sparse],
    ['key is a string with a lone surrogate', '\ud800'],
    ['key[1] is a string with a lone surrogate', ['a', '\udc00b']],
    ['key["a\\ud800"] has a lone surrogate in its name', { 'a\ud800': 1 }],
    ['key.at is an invalid Date', { at: new Date(NaN) }],
    ['key is a Map', new Map()],
    ['key[0] is a Set', [new Set()]],
    ['key is a RegExp', /x/],
    ['key is a Point', new Point()],
    ['key is an instance of a class without a name', new (class extends Date {})()],
    ['key is an object with a prototype of its own', Object.create({ inherited: 1 })],
    ['key is a Uint16Array', new Uint16Array(1)],
    ['key is a view of a SharedArrayBuffer', new Uint8Array(new SharedArrayBuffer(1))],
    ['key is a Number', new Number(1)],
    ['key has a symbol as the name of a property', { [Symbol('s')]: 1 }],
    ['key is an array with the property "extra"', Object.assign([1], { extra: 1 })],
    ['key is a Date with the property "extra"', Object.assign(new Date(0), { extra: 1 })],
    ['key.a.back refers back to an object that contains it', cyclic],
    ['key is longer than 65536 bytes', ['x'.repeat(MAX_KEY_BYTES)]],
    ['key is longer than 65536 bytes', new Array(1e9)],
  ])('says: %s', (fault, key) => {
    expect(findKeyFault(key)).toBe(fault);
  });

  it('survives getters and proxies that throw', () => {
    const getter = Object.defineProperty({}, 'x', {
      enumerable: true,
      get: () => {
        throw new Error('no');
      },
    });
    expect(findKeyFault([getter])).toBe('key[0] cannot be read (no)');
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    expect(findKeyFault(proxy)).toMatch(/^key /);
  });

  it('accepts nesting up to the limit and no deeper', () => {
    expect(findKeyFault(createNestedKey(MAX_KEY_DEPTH))).toBeUndefined();
    expect(findKeyFault(createNestedKey(MAX_KEY_DEPTH + 1))).toBe(
      `key${'[0]'.repeat(23)}…${'[0]'.repeat(24)} is nested deeper than 100 levels`,
    );
  });

  it('ends soon for a key that doubles on every level', () => {
    let key: unknown = 'leaf';
    for (let level = 0; level < MAX_KEY_DEPTH; level++) key = [key, key];
    expect(findKeyFault(key)).toBe('key is longer than 65536 bytes');
  });
});
