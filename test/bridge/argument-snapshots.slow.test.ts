import { describe, expect, it } from 'vitest';
import { cache, defineStores, deque, index } from '../../protocol/stores.ts';
import { errorMatching } from '../matchers.ts';
import { openBridge } from './bridge-fixture.ts';

const MIB = 2 ** 20;
const stores = defineStores({ api: cache(), settings: index(), log: deque() });

const withGetter = (name: string, get: () => unknown, object: object = {}) =>
  Object.defineProperty(object, name, { get, enumerable: true });
const throwError = () => {
  throw new Error('no');
};
const createRevokedProxy = () => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
};
const createDetachedBytes = () => {
  const bytes = new Uint8Array(8);
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
  return bytes;
};
const createSparseArray = () => Object.assign(new Array(2), { 1: { n: 1 } });
/** As Vue's `reactive`: each object that is read is one that reacts. */
const reactive = <T extends object>(target: T): T =>
  new Proxy(target, {
    get: (from, name) => {
      const part: unknown = Reflect.get(from, name);
      return typeof part === 'object' && part !== null ? reactive(part) : part;
    },
  });

describe('a value that a page changes in the turn in which it gave it', () => {
  it.each<[string, unknown, (value: never) => unknown, unknown]>([
    ['an object', { n: 1 }, (it: { n: number }) => it.n++, { n: 1 }],
    ['one deep inside', { a: [{ n: 1 }] }, (it: { a: { n: number }[] }) => it.a[0]!.n++, { a: [{ n: 1 }] }],
    ['bytes', new Uint8Array(4), (it: Uint8Array) => it.fill(7), new Uint8Array(4)],
    ['other bytes', { f: new Float64Array(2) }, (it: { f: Float64Array }) => it.f.fill(7), { f: new Float64Array(2) }],
    ['many bytes', new Uint8Array(3 * MIB), (it: Uint8Array) => it.fill(7), new Uint8Array(3 * MIB)],
    ['a Date', new Date(0), (it: Date) => it.setTime(1), new Date(0)],
    ['a Map', new Map([['a', { n: 1 }]]), (it: Map<string, unknown>) => it.set('b', 1), new Map([['a', { n: 1 }]])],
    ['a Set', new Set([1]), (it: Set<unknown>) => it.add(throwError), new Set([1])],
    ['a holey array', createSparseArray(), (it: { n: number }[]) => it[1]!.n++, createSparseArray()],
    [
      'an Error',
      new Error('as it was'),
      (it: Error) => Object.assign(it, { message: 'no', x: 1 }),
      new Error('as it was'),
    ],
    ['to what can’t be sent', { f: 1 }, (it: object) => Object.assign(it, { f: throwError }), { f: 1 }],
    [
      'by taking its bytes away',
      new Uint8Array(4),
      (it: Uint8Array) => structuredClone(it.buffer, { transfer: [it.buffer] }),
      new Uint8Array(4),
    ],
  ])('%s is stored as it was', async (_, value, change, before) => {
    using bridge = openBridge({ stores });
    const { diskCache } = bridge;
    const app = diskCache.as<typeof stores>();
    const calls = [
      app.api.set('k', value),
      app.api.setMany([['many', value]]),
      app.settings.set('k', value),
      app.log.push(value),
      diskCache.cache('api').batch([{ set: ['step', value] }]),
    ];
    change(value as never);
    await Promise.all(calls);
    const found = [
      await app.api.get('k'),
      await app.api.get('many'),
      await app.settings.get('k'),
      await app.log.at(0),
      await app.api.get('step'),
    ];
    for (const one of found) expect(one).toEqual(before);
  });

  it('so are keys, conditions and payloads, and calls that wait for another one', async () => {
    using bridge = openBridge({ stores });
    bridge.queues.find('outbox', { durability: 'process' });
    const { diskCache } = bridge;
    const api = diskCache.cache('api');
    const key = ['user', 1];
    const expected = { n: 1 };
    const payload = { n: 1 };
    const large = api.set('large', new Uint8Array(3 * MIB));
    const calls = [
      api.set(key, 'value'),
      api.set('k', expected),
      api.batch([{ if: { key: 'k', equals: expected } }, { set: ['then', 1] }]),
      diskCache.queue('outbox').enqueue(payload),
    ];
    key.push(2);
    expected.n = payload.n = 2;
    const [, , batch] = await Promise.all(calls);
    await large;
    expect(batch).toMatchObject({ committed: true });
    expect([await api.get(['user', 1]), await api.get(['user', 1, 2])]).toEqual(['value', undefined]);
    const jobs = await diskCache.queue('outbox').jobs('ready');
    expect(jobs.map((job) => job.payload)).toEqual([{ n: 1 }]);
  });
});

describe('a value with getters or a proxy', () => {
  it.each<[string, () => unknown, unknown]>([
    [
      'an object that reacts',
      () => reactive({ list: [{ n: 1 }], at: new Date(0).getTime() }),
      { list: [{ n: 1 }], at: 0 },
    ],
    ['one beside a Date', () => ({ at: new Date(0), it: reactive({ n: 1 }) }), { at: new Date(0), it: { n: 1 } }],
    ['a hidden toJSON', () => Object.defineProperty({ n: 1 }, 'toJSON', { value: () => 'Ada' }), { n: 1 }],
    [
      'an Error whose message is read',
      () => withGetter('message', () => 'read', new TypeError()),
      new TypeError('read'),
    ],
  ])('%s is stored as what it shows', async (_, make, back) => {
    using bridge = openBridge();
    await bridge.diskCache.cache('api').set('k', make());
    expect(await bridge.diskCache.cache('api').get('k')).toEqual(back);
  });

  it.each<[string, () => unknown, string]>([
    ['a getter that throws', () => ({ a: withGetter('x', throwError) }), 'value.a.x is not readable (no)'],
    [
      'an Error whose message throws',
      () => [withGetter('message', throwError, new Error('x'))],
      'value[0].message is not',
    ],
    ['a revoked proxy', () => new Map([['a', createRevokedProxy()]]), 'value.get("a") is not readable'],
    ['a proxy of a Map', () => ({ a: new Proxy(new Map(), {}) }), 'value.a is a proxy or an imitation of a Map'],
    ['transferred bytes', () => ({ a: createDetachedBytes() }), 'value.a is a Uint8Array on a detached ArrayBuffer'],
    ['shared bytes', () => ({ a: new Uint8Array(new SharedArrayBuffer(1)) }), 'value.a is a Uint8Array on a Shared'],
    [
      'a hidden tag',
      () => Object.defineProperty({}, Symbol.toStringTag, { value: 'Map' }),
      'value is an object with a',
    ],
    ['a thenable', () => withGetter('then', () => throwError), 'value.then is a function'],
    ['a symbol', () => [Symbol('s')], 'value[0] is a symbol'],
  ])('%s is refused alone, with its path', async (_, make, message) => {
    using bridge = openBridge();
    const api = bridge.diskCache.cache('api');
    const turn = [api.set('before', 1), api.set('k', make()), api.set('after', 2)];
    const results = await Promise.allSettled(turn);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect((results[1] as PromiseRejectedResult).reason).toEqual(errorMatching('BAD_VALUE', message));
    expect(await api.getMany(['before', 'k', 'after'])).toEqual([1, undefined, 2]);
  });

  it('options, steps and jobs that can’t be read reject their call alone, with an error of ours', async () => {
    using bridge = openBridge();
    bridge.queues.find('outbox', { durability: 'process' });
    const { diskCache } = bridge;
    const api = diskCache.cache('api');
    const strange = [
      api.set('k', 1, withGetter('ttl', throwError) as never),
      api.push(1, withGetter('prefix', throwError) as never),
      api.batch([createRevokedProxy() as never]),
      api.batch([{ if: withGetter('key', throwError) } as never]),
      api.setMany(new Proxy([], { get: throwError }) as never),
      diskCache.queue('outbox').enqueueMany([withGetter('payload', throwError) as never]),
      (async () => api.keys(withGetter('from', throwError) as never))(),
    ];
    const results = await Promise.allSettled([api.set('good', 1), ...strange]);
    const reasons = results.map((result) => (result.status === 'rejected' ? result.reason : undefined));
    expect(reasons.slice(1)).toEqual(strange.map(() => errorMatching('BAD_OPTION')));
    expect(await api.get('good')).toBe(1);
  });
});
