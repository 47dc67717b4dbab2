import assert from 'node:assert/strict';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { toOwnRealm } from '../../main/engine/realm.ts';

/** As a deserializer of Node creates it for code in another context. */
const foreign = (expression: string): unknown => runInNewContext(`(${expression})`);

describe('a value of another realm becomes one of this', () => {
  it.each<[string, unknown]>([
    ['{ a: [1, { b: null }] }', { a: [1, { b: null }] }],
    ['new Array(3)', new Array(3)],
    ['new Date(5)', new Date(5)],
    ['/a(b)/giu', /a(b)/giu],
    ["new Map([['k', new Set([new Date(1)])]])", new Map([['k', new Set([new Date(1)])]])],
    ['new Uint8Array([1, 2]).buffer', new Uint8Array([1, 2]).buffer],
    ['new Uint8Array([1, 2, 3, 4]).subarray(1, 3)', new Uint8Array([2, 3])],
    ['new DataView(new ArrayBuffer(8), 2, 4)', new DataView(new ArrayBuffer(8), 2, 4)],
    ['[new Float64Array([1.5]), new BigInt64Array([1n])]', [new Float64Array([1.5]), new BigInt64Array([1n])]],
    ['[Object(1), Object("s"), Object(true), Object(1n)]', [Object(1), Object('s'), Object(true), Object(1n)]],
    ['JSON.parse(\'{ "__proto__": { "a": 1 } }\')', JSON.parse('{ "__proto__": { "a": 1 } }')],
  ])('%s', (expression, expected) => {
    const original = foreign(expression);
    assert.throws(() => assert.deepEqual(original, expected));
    // Prototypes are compared, too.
    assert.deepEqual(toOwnRealm(original), expected);
  });

  it('an error, with its message, stack and cause', () => {
    const error = toOwnRealm(foreign("new TypeError('no', { cause: new RangeError('why') })")) as TypeError;
    expect(error).toBeInstanceOf(TypeError);
    expect(error.cause).toBeInstanceOf(RangeError);
    expect([error.message, Object.keys(error), typeof error.stack]).toEqual(['no', [], 'string']);
  });

  it('with its references: cycles, and one buffer under two views', () => {
    const cyclic = toOwnRealm(foreign('(() => { const a = { list: [] }; a.list.push(a, a.list); return a; })()')) as {
      list: unknown[];
    };
    expect(cyclic.list).toEqual([cyclic, cyclic.list]);
    expect(cyclic.list[0]).toBe(cyclic);
    const views = toOwnRealm(
      foreign(
        '(() => { const buffer = new ArrayBuffer(4); return [new Uint8Array(buffer), new Int16Array(buffer)]; })()',
      ),
    ) as [Uint8Array, Int16Array];
    expect(views[0].buffer).toBe(views[1].buffer);
  });
});

it('a value of this realm stays the same object', () => {
  for (const value of [{ a: 1 }, [1], new Map(), new Uint8Array(2), 'text', 1, null, undefined])
    expect(toOwnRealm(value)).toBe(value);
});
