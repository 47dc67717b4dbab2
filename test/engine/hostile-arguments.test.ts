import { runInNewContext } from 'node:vm';
import { expect, it, onTestFinished } from 'vitest';
import {
  Averager,
  BoundedSemaphore,
  Cache,
  Deque,
  FanoutCache,
  Index,
  Lock,
  RLock,
  Settings,
  type StandardSchema,
} from '../../main/engine/index.ts';
import { errorMatching } from '../matchers.ts';
import { freshDirectory } from './fresh-directory.ts';

const createRevoked = (target: object = {}) => {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy as never;
};
const openCache = (options = {}) => new Cache<never, unknown>(freshDirectory(), options);

/** Returns what no caller could catch while the test runs. */
function recordUnhandled(): unknown[] {
  const unhandled: unknown[] = [];
  const listener = (error: unknown) => unhandled.push(error);
  process.on('unhandledRejection', listener);
  onTestFinished(() => void process.off('unhandledRejection', listener));
  return unhandled;
}
const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

it('refuses a revoked proxy as a value, and one whose prototype can not be read', () => {
  const unreadable = new Proxy({}, { getPrototypeOf: () => runInNewContext('throw new Error("no prototype")') });
  for (const value of [createRevoked(), createRevoked([]), unreadable]) {
    expect(() => openCache().set('k' as never, value)).toThrow(errorMatching('BAD_VALUE'));
    expect(() => openCache({ codec: 'json' }).set('k' as never, value)).toThrow(errorMatching('BAD_VALUE'));
    expect(() => new Deque(freshDirectory()).push(value)).toThrow(errorMatching('BAD_VALUE'));
    expect(() => new Index(freshDirectory()).set('k', value)).toThrow(errorMatching('BAD_VALUE'));
  }
});

it('refuses a revoked proxy as a key or a prefix', () => {
  for (const key of [createRevoked(), createRevoked([])]) {
    for (const store of [openCache(), new FanoutCache<never>(freshDirectory(), { shards: 2 })]) {
      expect(() => store.get(key)).toThrow(errorMatching('BAD_KEY'));
      expect(() => [...store.keys({ prefix: key })]).toThrow(errorMatching('BAD_KEY'));
      expect(() => store.push(1 as never, { prefix: key })).toThrow(errorMatching('BAD_KEY'));
      expect(() => store.subscribe(() => {}, { prefix: key })).toThrow(errorMatching('BAD_KEY'));
    }
  }
});

it('refuses a revoked proxy, and an array with holes, as the path of a setting', () => {
  using settings = new Settings<Record<string, unknown>>(freshDirectory(), { defaults: { theme: 'light' } });
  const unreadable = new Proxy(['theme'], { get: () => runInNewContext('throw new Error("no")') });
  const paths = [createRevoked(), createRevoked([]), unreadable, new Array(2), new Array(4_000_000_000)] as never[];
  for (const path of paths) {
    for (const call of [
      () => settings.get(path),
      () => settings.has(path),
      () => settings.set(path, 1 as never),
      () => settings.reset(path),
      () => settings.onChange(path, () => {}),
    ])
      expect(call).toThrow(errorMatching('BAD_KEY'));
  }
  expect(() => settings.set(createRevoked())).toThrow(errorMatching('BAD_VALUE'));
  expect(settings.all()).toEqual({ theme: 'light' });
});

it('takes what is no number for an index of a deque as there being nothing', () => {
  const deque = new Deque<string>(freshDirectory());
  deque.extend(['a', 'b']);
  for (const index of [Symbol('s'), 1n, createRevoked()] as never[]) {
    expect(deque.at(index)).toBe('a');
    expect(deque.delete(index)).toBe(false);
    expect(() => deque.set(index, 'c')).toThrow(errorMatching('BAD_OPTION'));
    expect(deque.splice(index, 0)).toEqual([]);
  }
});

it('refuses a directory that is no text, whatever it is', () => {
  const cycle: unknown[] = [];
  cycle.push(cycle);
  for (const directory of [1n, cycle, createRevoked()] as never[]) {
    for (const open of [Cache, Index, Deque, FanoutCache].map(
      (Store) => () => new (Store as typeof Cache)(directory),
    )) {
      expect(open).toThrow(errorMatching('BAD_OPTION'));
    }
  }
});

it('refuses what a lock can not run, before it is acquired', async () => {
  const lock = new Lock(openCache(), 'l');
  await expect(lock.run('work' as never)).rejects.toThrow(errorMatching('BAD_OPTION'));
  lock.acquire({ timeout: 0 }).release();
});

/** Iterables that fail before they yield anything; their errors are not those of a generator of the caller. */
const UNREADABLE: Readonly<Record<string, never>> = {
  'a revoked proxy': createRevoked(),
  'a revoked array': createRevoked([]),
  'an array whose items can not be read': new Proxy([1], {
    get: () => runInNewContext('throw new Error("no")'),
  }) as never,
  'a proxied Map': new Proxy(new Map(), {}) as never,
  'an iterator that is none': { [Symbol.iterator]: () => 5 } as never,
  'an unreadable iterator': {
    get [Symbol.iterator]() {
      throw new Error('no');
    },
  } as never,
};

it.each(Object.keys(UNREADABLE))('refuses to walk %s', (name) => {
  const items = UNREADABLE[name]!;
  const fanout = new FanoutCache<never, unknown>(freshDirectory(), { shards: 2 });
  const [index, deque] = [new Index(freshDirectory()), new Deque(freshDirectory())];
  const calls = [
    ...[openCache(), fanout].flatMap((store) => [() => store.setMany(items), () => store.deleteMany(items)]),
    () => index.setMany(items),
    () => index.equals(items),
    () => deque.extend(items),
    () => deque.equals(items),
  ];
  for (const call of calls) expect(call).toThrow(errorMatching('BAD_OPTION'));
});

it('passes the error of a generator on, and keeps nothing', () => {
  const cache = openCache();
  const entries = (function* () {
    yield ['a', 1] as never;
    throw new RangeError('mine');
  })();
  expect(() => cache.setMany(entries)).toThrow(RangeError);
  expect(cache.size).toBe(0);
});

it('refuses an array that is longer than memory, before it is read', () => {
  const holes = new Array(2 ** 32 - 1) as never[];
  const fanout = new FanoutCache<never, unknown>(freshDirectory(), { shards: 2 });
  expect(() => new Deque(freshDirectory()).extend(holes)).toThrow(errorMatching('TOO_LARGE'));
  for (const store of [openCache(), fanout]) {
    expect(() => store.deleteMany(holes)).toThrow(errorMatching('TOO_LARGE'));
    expect(() => store.setMany(holes)).toThrow(errorMatching('TOO_LARGE'));
  }
});

it('refuses to compare with a value that can not be read', () => {
  const deque = new Deque<unknown>(freshDirectory());
  deque.push({ a: 1 });
  const throwing = {
    get a() {
      throw new Error('no');
    },
  };
  for (const value of [
    createRevoked(),
    new Proxy({}, { ownKeys: () => runInNewContext('throw new Error("no")') }),
    throwing,
  ]) {
    for (const call of [
      () => deque.remove(value),
      () => deque.count(value),
      () => deque.indexOf(value),
      () => deque.equals([value]),
    ])
      expect(call).toThrow(errorMatching('BAD_VALUE'));
  }
  expect(deque.length).toBe(1);
});

it('refuses what is no store for a lock, and what is no signal', async () => {
  for (const store of [undefined, null, 5, {}, createRevoked()] as never[]) {
    for (const open of [
      () => new Lock(store, 'l'),
      () => new RLock(store, 'l'),
      () => new BoundedSemaphore(store, 'l'),
      () => new Averager(store, 'l'),
    ])
      expect(open).toThrow(errorMatching('BAD_OPTION', /Cache or FanoutCache/));
  }
  const lock = new Lock(openCache(), 'l');
  for (const signal of [createRevoked(), new Proxy(new AbortController().signal, {}), {}] as never[])
    await expect(lock.acquireAsync({ signal })).rejects.toThrow(errorMatching('BAD_OPTION', /AbortSignal/));
  lock.acquire({ timeout: 0 }).release();
});

it('refuses the promise of a codec, and is not ended by its failure', async () => {
  const unhandled = recordUnhandled();
  const encodes = openCache({ codec: { name: 'x', encode: () => Promise.reject(new Error('late')), decode: () => 1 } });
  expect(() => encodes.set('k' as never, {})).toThrow(errorMatching('BAD_VALUE'));
  const decode = () => Promise.reject(new Error('late'));
  const decodes = openCache({ memory: 0, codec: { name: 'x', encode: () => new Uint8Array(1), decode } });
  decodes.set('k' as never, {});
  expect(() => decodes.get('k' as never)).toThrow(errorMatching('BAD_OPTION'));
  await nextTurn();
  expect(unhandled).toEqual([]);
});

it('is not ended by promises of another realm: of a transaction, and of a listener', async () => {
  const unhandled = recordUnhandled();
  const warnings: Error[] = [];
  const warn = (warning: Error) => warnings.push(warning);
  process.on('warning', warn);
  onTestFinished(() => void process.off('warning', warn));
  const reject = () => runInNewContext('Promise.reject(new Error("late"))') as never;
  const cache = openCache();
  expect(() => cache.transact(reject)).toThrow(errorMatching('BAD_OPTION'));
  cache.subscribe(reject);
  cache.set('k' as never, 1);
  await expect.poll(() => warnings.map((warning) => warning.name)).toContain('DiskCacheWarning');
  await nextTurn();
  expect(unhandled).toEqual([]);
});

it('refuses what a schema must not return', () => {
  const symbol = Symbol('s');
  const results = [
    null,
    5,
    { issues: 5 },
    { issues: [null, { path: [null, symbol, { key: symbol }, {}], message: symbol }, { path: 5 }] },
  ];
  for (const result of results) {
    const validate = () => result as never;
    const schema: StandardSchema = { '~standard': { version: 1, vendor: 'test', validate } };
    expect(() => new Index(freshDirectory(), { schema }).set('k', 1)).toThrow(
      expect.objectContaining({ name: 'DiskCacheError' }),
    );
  }
});
