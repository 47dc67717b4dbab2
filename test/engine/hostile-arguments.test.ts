import { runInNewContext } from 'node:vm';
import { expect, it, onTestFinished } from 'vitest';
import { Cache, Deque, FanoutCache, Index, Lock, type StandardSchema } from '../../main/engine/index.ts';
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
