import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import { findValueFault } from '../../protocol/clone-check.ts';
import { omitUnstorable } from '../../protocol/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';

/** Returns the copy, which can be stored, whatever it was made of. */
function copy(value: unknown): unknown {
  const copied: unknown = omitUnstorable(value);
  expect(findValueFault(copied)).toBeUndefined();
  return copied;
}

class Point {
  readonly x = 1;
  readonly #secret = 2;
  readonly parts = [() => 1, 'a'];
  move(): number {
    return this.#secret;
  }
  get derived(): number {
    return 3;
  }
}

describe('omitUnstorable', () => {
  it('leaves functions, symbols and promises out of objects, maps and sets, and empties their place in arrays', () => {
    const value = {
      text: 'a',
      nothing: undefined,
      null: null,
      f() {},
      Class: Point,
      symbol: Symbol('s'),
      promise: Promise.resolve(1),
      list: [1, () => 1, Symbol.iterator, Promise.resolve(), undefined, [async () => 1]],
      map: new Map<unknown, unknown>([
        ['a', 1],
        ['f', () => 1],
        [() => 1, 2],
        ['deep', { f() {}, b: 1 }],
      ]),
      set: new Set([1, () => 1, Symbol('s')]),
      [Symbol('key')]: 1,
    };
    expect(copy(value)).toStrictEqual({
      text: 'a',
      nothing: undefined,
      null: null,
      list: [1, undefined, undefined, undefined, undefined, [undefined]],
      map: new Map<unknown, unknown>([
        ['a', 1],
        ['deep', { b: 1 }],
      ]),
      set: new Set([1]),
    });
    for (const whole of [() => 1, Symbol('s'), Promise.resolve(1), new WeakMap(), Point])
      expect(copy(whole)).toBe(undefined);
  });

  it('leaves objects of the platform out, of this realm and of others', () => {
    const { port1, port2 } = new MessageChannel();
    const value = {
      blob: new Blob(['x']),
      file: new File(['x'], 'name'),
      weak: [new WeakMap(), new WeakSet(), new WeakRef({})],
      generator: (function* () {})(),
      asyncGenerator: (async function* () {})(),
      iterator: new Map().entries(),
      response: new Response('x'),
      headers: new Headers(),
      stream: new ReadableStream(),
      controller: new AbortController(),
      port: port1,
      shared: new SharedArrayBuffer(1),
      foreign: runInNewContext('Promise.resolve(1)'),
      custom: new (class extends Promise<number> {})((resolve) => resolve(1)),
    };
    port2.close();
    expect(copy(value)).toStrictEqual({ weak: [undefined, undefined, undefined] });
  });

  it('keeps what structured clone keeps, with memory of its own', () => {
    const value = {
      date: new Date(5),
      invalid: new Date(Number.NaN),
      pattern: /a/gi,
      bytes: new Uint8Array([1, 2, 3]).subarray(1),
      floats: new Float64Array([Number.NaN]),
      view: new DataView(new Uint8Array([1, 2]).buffer, 1),
      buffer: new Uint8Array([4]).buffer,
      boxed: [Object(1), Object('a'), Object(true), Object(1n)],
      big: 1n,
      zero: -0,
      holes: Object.assign([1], { 2: 3 }),
      error: new RangeError('far', { cause: { code: 5 } }),
    };
    const copied = copy(value) as typeof value;
    expect(copied).toStrictEqual(value);
    expect(1 in copied.holes).toBe(false);
    expect(copied.error).toBeInstanceOf(RangeError);
    expect(copied.error.stack).toBe(value.error.stack);
    value.bytes[0] = 9;
    value.date.setTime(6);
    expect(copied.bytes).toEqual(new Uint8Array([2, 3]));
    expect(copied.date).toEqual(new Date(5));
    expect(Object.getPrototypeOf(copy(Buffer.from('a')))).toBe(Uint8Array.prototype);
    expect(copy(new Uint8Array(new SharedArrayBuffer(2)))).toEqual(new Uint8Array(2));
    expect(copy(runInNewContext('new Map([[1, { f() {}, a: [new Date(5)] }]])'))).toEqual(
      new Map([[1, { a: [new Date(5)] }]]),
    );
  });

  it('keeps cycles and shared parts', () => {
    const shared = { f() {}, a: 1 };
    const value: Record<string, unknown> = { one: shared, two: shared, map: new Map() };
    value['self'] = value;
    (value['map'] as Map<unknown, unknown>).set(value, [value]);
    const copied = copy(value) as typeof value;
    expect(copied['self']).toBe(copied);
    expect(copied['one']).toBe(copied['two']);
    expect((copied['map'] as Map<unknown, unknown>).get(copied)).toEqual([copied]);
  });

  it('makes plain data of instances: what toJSON returns, or their own properties with the values of getters', () => {
    class Money {
      readonly cents = 5;
      toJSON(): object {
        return { cents: this.cents, f() {} };
      }
    }
    class Self {
      a = { b: 1 };
      toJSON(): this {
        return this;
      }
    }
    class Failing {
      a = 1;
      toJSON(): never {
        throw new Error('on purpose');
      }
    }
    class List extends Array<number> {}
    const value = {
      point: new Point(),
      money: new Money(),
      url: new URL('https://a.example/b'),
      self: new Self(),
      failing: new Failing(),
      list: List.of(1, 2),
      map: new (class extends Map<number, number> {})([[1, 2]]),
      created: Object.create({ inherited: 1 }, { own: { value: 1, enumerable: true } }),
      get lazy() {
        return [new Point()];
      },
      plain: { toJSON: () => 1, a: 1 },
    };
    const point = { x: 1, parts: [undefined, 'a'] };
    expect(copy(value)).toStrictEqual({
      point,
      money: { cents: 5 },
      url: 'https://a.example/b',
      self: { a: { b: 1 } },
      failing: { a: 1 },
      list: [1, 2],
      map: new Map([[1, 2]]),
      created: { own: 1 },
      lazy: [point],
      plain: { a: 1 },
    });
  });

  it('keeps errors of every class as errors, without what structured clone loses', () => {
    class HttpError extends TypeError {
      readonly status = 404;
      override readonly name = 'HttpError';
    }
    for (const error of [
      new HttpError('gone'),
      new DOMException('gone', 'AbortError'),
      new AggregateError([1], 'gone'),
    ]) {
      const copied = copy(error) as Error;
      expect(Object.prototype.toString.call(copied)).toBe('[object Error]');
      expect(copied.message).toBe('gone');
      expect(Object.keys(copied)).toEqual([]);
    }
    expect(copy(new HttpError('gone'))).toBeInstanceOf(TypeError);
    const cause = copy(new Error('outer', { cause: new HttpError('inner', { cause: () => 1 }) })) as Error;
    expect((cause.cause as Error).message).toBe('inner');
    expect('cause' in (cause.cause as Error)).toBe(false);
  });

  it('never throws on odd input', () => {
    const { proxy: revoked, revoke } = Proxy.revocable({}, {});
    revoke();
    const hostile = new Proxy({}, { ownKeys: () => runInNewContext('throw 1') });
    const detached = new Uint8Array([1]);
    structuredClone(detached, { transfer: [detached.buffer] });
    const odd = {
      get failing() {
        throw new Error('on purpose');
      },
      revoked,
      hostile,
      detached,
      impostors: [Object.create(Date.prototype), Object.create(Map.prototype), Object.create(RegExp.prototype)],
      proxied: [new Proxy([1, () => 1], {}), new Proxy({ a: 1 }, {}), new Proxy(new Date(), {})],
      global: Math,
      bare: Object.assign(Object.create(null), { a: 1 }),
      tagged: { [Symbol.toStringTag]: 'Promise', a: 1 },
      args: (function (this: void, ..._: unknown[]) {
        // biome-ignore lint/complexity/noArguments: an odd object
        return arguments;
      })(1, () => 1),
      own: JSON.parse('{"__proto__":{"a":1}}'),
    };
    const copied = copy(odd) as Record<string, unknown>;
    expect(copied).toMatchObject({
      proxied: [[1, undefined], { a: 1 }, undefined],
      bare: { a: 1 },
      tagged: { a: 1 },
      args: { 0: 1 },
    });
    for (const name of ['failing', 'revoked', 'hostile', 'detached']) expect(Object.keys(copied)).not.toContain(name);
    expect(Object.getOwnPropertyDescriptor(copied['own'], '__proto__')?.value).toEqual({ a: 1 });
  });

  it('ends at a depth that can be stored, and for structures without an end', () => {
    let deep: unknown = 'bottom';
    for (let n = 0; n < 50_000; n++) deep = { deep };
    copy(deep);
    class Endless {
      get next(): Endless {
        return new Endless();
      }
    }
    const endless = (): object => Object.defineProperty({}, 'next', { get: endless, enumerable: true });
    copy([new Endless(), endless()]);
  });

  it('makes a value of anything that a program can come by', () => {
    const odd = fc.constantFrom<unknown>(
      () => 1,
      Symbol('s'),
      Promise.resolve(),
      new Point(),
      new Blob([]),
      undefined,
      Object(1n),
    );
    const values = fc.anything({
      withBigInt: true,
      withBoxedValues: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withNullPrototype: true,
      withSparseArray: true,
      withTypedArray: true,
    });
    const mixed = fc.oneof(values, fc.array(fc.oneof(odd, values)), fc.dictionary(fc.string(), fc.oneof(odd, values)));
    using cache = new Cache<string>(freshDirectory(), { durability: 'process' });
    fc.assert(
      fc.property(mixed, (value) => {
        const copied = copy(value);
        cache.set('k', copied);
        expect(cache.get('k')).toStrictEqual(copied);
        if (findValueFault(value) === undefined) expect(cache.get('k')).toEqual(value);
      }),
    );
  });

  it('has the type of what is left', () => {
    interface User {
      readonly name: string;
      readonly born?: Date;
      save(): Promise<void>;
      readonly friends: readonly User[];
    }
    const left = (user: User) => omitUnstorable(user);
    expectTypeOf(left).returns.toHaveProperty('name').toEqualTypeOf<string>();
    expectTypeOf(left).returns.not.toHaveProperty('save');
    expectTypeOf<ReturnType<typeof left>['friends'][number]>().toHaveProperty('born');
    expectTypeOf(omitUnstorable(Promise.resolve(1))).toEqualTypeOf<undefined>();
    expectTypeOf(omitUnstorable(1 as unknown)).toEqualTypeOf<unknown>();
    expectTypeOf(omitUnstorable(new Map([['a', { f() {}, b: 1 }]]))).toEqualTypeOf<Map<string, { b: number }>>();
  });
});
