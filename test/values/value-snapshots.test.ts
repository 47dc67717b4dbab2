import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { Cache, Deque, FanoutCache, Index } from '../../main/engine/index.ts';
import { Queue } from '../../main/queue/queue.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { errorMatching } from '../matchers.ts';

const withHiddenProperty = (object: object, name: PropertyKey, value: unknown) =>
  Object.defineProperty(object, name, { value });
const withGetter = (name: string, get: () => unknown, object: object = {}) =>
  Object.defineProperty(object, name, { get, enumerable: true, configurable: true });
const throwError = () => {
  throw new Error('no');
};
/** Anything can be thrown, even an object that throws when its message is read. */
const unreadable = withGetter('message', throwError, new Error('x'));

/** Returns one value after the other, then always the last one. */
const returnInTurn = (...values: unknown[]) => {
  let at = 0;
  return () => values[Math.min(at++, values.length - 1)];
};

/** Newer than the type libraries of this project. */
type Resizable = ArrayBuffer & { resize(bytes: number): void };

const createReadOnceGetter = () => {
  let reads = 0;
  return () => (reads++ === 0 ? 1 : throwError());
};

const createShrunkView = (): Uint8Array => {
  const buffer = new (ArrayBuffer as never as new (...sizes: unknown[]) => Resizable)(8, { maxByteLength: 8 });
  const view = new Uint8Array(buffer, 4, 4);
  buffer.resize(2);
  return view;
};
const createDetachedBytes = (): Uint8Array => {
  const bytes = new Uint8Array(8);
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
  return bytes;
};
const createRevokedProxy = (target: object) => {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
};

/** A value and the expected result. Created for each store, because some change when they are read. */
const STORED: readonly [what: string, make: () => unknown, back: unknown][] = [
  ['an object with a hidden toJSON', () => withHiddenProperty({ id: 7 }, 'toJSON', () => 'Ada'), { id: 7 }],
  ['one inside of it', () => ({ list: [withHiddenProperty({ id: 7 }, 'toJSON', () => 'Ada')] }), { list: [{ id: 7 }] }],
  ['an array with a hidden toJSON', () => withHiddenProperty([1, 2], 'toJSON', () => 'Ada'), [1, 2]],
  [
    'an object of a realm whose objects all have one',
    () => runInNewContext("Object.prototype.toJSON = () => 'Ada'; ({ id: [7] })"),
    { id: [7] },
  ],
  ['a getter that gives a function the second time', () => withGetter('n', returnInTurn(1, throwError)), { n: 1 }],
  [
    'a getter that gives what JSON can’t hold the second time',
    () => withGetter('n', returnInTurn(1, new Map([[1, 2]]))),
    { n: 1 },
  ],
  [
    'a proxy that gives another object each time',
    () => new Proxy({ n: { a: 1 } }, { get: returnInTurn({ a: 2 }, throwError) }),
    { n: { a: 2 } },
  ],
  ['an object with a field "then"', () => withGetter('then', () => 'later'), withGetter('then', () => 'later')],
  [
    'an object that reacts, with one in it and a hidden mark on it',
    () => new Proxy({ list: [new Proxy({ n: 1 }, {})], ...withHiddenProperty({}, Symbol('mark'), 1) }, {}),
    { list: [{ n: 1 }] },
  ],
  ['a hidden symbol', () => withHiddenProperty({ n: 1 }, Symbol('administration'), {}), { n: 1 }],
];

/** Values that only structured clone can hold. */
const CLONED: readonly [what: string, make: () => unknown, back: unknown][] = [
  [
    'a getter that gives a function the second time, beside a Date',
    () => withGetter('n', returnInTurn(new Map([[1, 2]]), throwError), { at: new Date(0) }),
    { at: new Date(0), n: new Map([[1, 2]]) },
  ],
  [
    'a getter that puts a function where it was looked for already',
    () => {
      const map = new Map<string, unknown>([['a', 1]]);
      return { map, ...{}, at: new Date(0), list: withGetter('n', () => map.set('b', throwError).size, {}) };
    },
    { map: new Map([['a', 1]]), at: new Date(0), list: { n: 2 } },
  ],
];

const REFUSED: readonly [what: string, make: () => unknown, message: string][] = [
  ['a getter that throws', () => ({ a: [withGetter('x', throwError)] }), 'value.a[0].x is not readable (no)'],
  [
    'one that throws what can’t be read',
    () =>
      withGetter('x', () => {
        throw unreadable;
      }),
    'value.x is not readable (an error that cannot be read)',
  ],
  [
    'one that throws nothing',
    () =>
      withGetter('x', () => {
        throw null;
      }),
    'value.x is not readable (null)',
  ],
  [
    'an Error whose message throws',
    () => ({ error: withGetter('message', throwError, new Error('x')) }),
    'value.error.message is not readable (no)',
  ],
  [
    'an Error whose stack throws',
    () => withGetter('stack', throwError, new Error('x')),
    'value.stack is not readable (no)',
  ],
  [
    'an Error whose cause throws',
    () => [withGetter('cause', throwError, new TypeError('x'))],
    'value[0].cause is not readable (no)',
  ],
  [
    'an Error whose message is no text',
    () => Object.assign(new Error(), { message: 5 }),
    'value.message is a number and not a string',
  ],
  ['a revoked proxy', () => ({ a: createRevokedProxy({}) }), 'value.a is not readable'],
  [
    'a revoked proxy in a Map',
    () => ({ a: new Map([['b', createRevokedProxy([])]]) }),
    'value.a.get("b") is not readable',
  ],
  ['a proxy of a Map', () => ({ a: new Proxy(new Map(), {}) }), 'value.a is a proxy or an imitation of a Map'],
  [
    'a hidden tag',
    () => ({ a: withHiddenProperty({}, Symbol.toStringTag, 'Date') }),
    'value.a is an object with a symbol',
  ],
  ['transferred bytes', () => createDetachedBytes(), 'value is a Uint8Array on a detached ArrayBuffer'],
  [
    'a view that its buffer no longer reaches',
    () => ({ a: createShrunkView() }),
    'value.a is a Uint8Array on a detached ArrayBuffer',
  ],
  [
    'a DataView of transferred bytes',
    () => {
      const view = new DataView(new ArrayBuffer(8));
      structuredClone(view.buffer, { transfer: [view.buffer] });
      return [view];
    },
    'value[0] is a DataView on a detached ArrayBuffer',
  ],
  [
    'shared bytes that say otherwise',
    () => [new Uint8Array(withHiddenProperty(new SharedArrayBuffer(8), 'slice', 1) as SharedArrayBuffer)],
    'value[0] is a Uint8Array on a SharedArrayBuffer',
  ],
  ['a promise in it', () => ({ a: Promise.resolve(1) }), 'value.a is a Promise'],
  ['a thenable', () => withGetter('then', () => throwError), 'value.then is a function'],
  ['a symbol', () => new Set([Symbol('s')]), 'value.values()[0] is a symbol'],
];

/** Ways of storing a value and reading it back. */
const STORES: readonly [name: string, open: () => { store(value: unknown): unknown; close(): void }][] = [
  [
    'a Cache',
    () => {
      const cache = new Cache(freshDirectory(), { memory: 0 });
      return { store: (value) => [cache.set('k', value), cache.get('k')][1], close: () => cache.close() };
    },
  ],
  [
    'a FanoutCache, many at a time',
    () => {
      const cache = new FanoutCache(freshDirectory(), { shards: 2 });
      return { store: (value) => [cache.setMany([['k', value]]), cache.get('k')][1], close: () => cache.close() };
    },
  ],
  [
    'an Index',
    () => {
      const index = new Index(freshDirectory());
      return { store: (value) => index.transact(() => index.set('k', value).get('k')), close: () => index.close() };
    },
  ],
  [
    'a Deque',
    () => {
      const deque = new Deque(freshDirectory());
      return { store: (value) => [deque.extend([value]), deque.pop()][1], close: () => deque.close() };
    },
  ],
  [
    'a queue',
    () => {
      const queue = new Queue(freshDirectory());
      return { store: (value) => queue.get(queue.enqueue(value).id)?.payload, close: () => queue.close() };
    },
  ],
];

describe.each(STORES)('%s', (_, open) => {
  it.each([...STORED, ...CLONED])('stores %s as it was', (_what, make, back) => {
    const store = open();
    expect(store.store(make())).toEqual(back);
    store.close();
  });

  it.each(REFUSED)('refuses %s, and says where', (_what, make, message) => {
    const store = open();
    expect(() => store.store(make())).toThrow(errorMatching('BAD_VALUE', message.replace('value', '')));
    expect(store.store('next')).toBe('next');
    store.close();
  });
});

describe("a store whose codec is 'json'", () => {
  it.each(STORED)('stores %s as it was', (_what, make, back) => {
    using cache = new Cache(freshDirectory(), { codec: 'json' });
    cache.set('k', make());
    expect(cache.get('k')).toEqual(back);
  });

  it.each<readonly [what: string, make: () => unknown]>([
    ...REFUSED.map(([what, make]) => [what, make] as const),
    ...CLONED.map(([what, make]) => [what, make] as const),
  ])('refuses %s', (_what, make) => {
    using cache = new Cache(freshDirectory(), { codec: 'json' });
    expect(() => cache.set('k', make())).toThrow(errorMatching('BAD_VALUE'));
  });

  it('refuses at once a value whose JSON would be endless', () => {
    using cache = new Cache(freshDirectory(), { codec: 'json' });
    let value: unknown = 'leaf';
    for (let level = 0; level < 40; level++) value = [value, value];
    expect(() => cache.set('k', value)).toThrow(errorMatching('TOO_LARGE', 'refers to the same objects many times'));
    const shared = { id: 1 };
    cache.set('k', [shared, shared]);
    expect(cache.get('k')).toEqual([{ id: 1 }, { id: 1 }]);
  });
});

describe('an error that can’t be read', () => {
  it('is reported as a DiskCacheError, wherever it is thrown', () => {
    const codec = {
      name: 'c',
      encode: () => {
        throw unreadable;
      },
      decode: (data: unknown) => data,
    };
    using cache = new Cache(freshDirectory(), { codec });
    expect(() => cache.set('k', 1)).toThrow(errorMatching('BAD_VALUE', 'an error that cannot be read'));
    const migrate = () => {
      throw unreadable;
    };
    const directory = freshDirectory();
    new Index(directory).close();
    expect(() => new Index(directory, { version: 2, migrate })).toThrow(
      errorMatching('BAD_OPTION', 'an error that cannot be read'),
    );
    expect(withGetter('name', throwError) instanceof DiskCacheError).toBe(false);
  });
});

describe('a key', () => {
  it('that is a proxy, as reactive objects are, is read through the proxy', () => {
    using cache = new Cache(freshDirectory());
    cache.set([new Proxy(['user', 1], {})], 1);
    expect([...cache.keys()]).toEqual([[['user', 1]]]);
  });

  it.each<[string, () => unknown, string]>([
    ['of transferred bytes', () => [createDetachedBytes()], 'key[0] is a view of a detached ArrayBuffer'],
    ['of bytes that its buffer no longer reaches', () => createShrunkView(), 'key is a view of a detached ArrayBuffer'],
    [
      'that holds a function the second time',
      () => withGetter('id', returnInTurn(1, throwError)),
      'changes with each read',
    ],
    [
      'that throws the second time',
      () => ({ a: withGetter('id', createReadOnceGetter()) }),
      'changes with each read (no)',
    ],
    ['with a getter that throws', () => ({ a: withGetter('x', throwError) }), 'key.a cannot be read (no)'],
    [
      'that throws what can’t be read',
      () =>
        withGetter('x', () => {
          throw unreadable;
        }),
      'an error that cannot be read',
    ],
    [
      'that contains itself',
      () => {
        const key: unknown[] = [];
        key.push(key);
        return key;
      },
      'key[0] refers back',
    ],
  ])('%s is refused', (_, make, message) => {
    using cache = new Cache(freshDirectory());
    expect(() => cache.set(make() as never, 1)).toThrow(errorMatching('BAD_KEY', message));
    expect(() => cache.get(make() as never)).toThrow(errorMatching('BAD_KEY', message));
  });
});
