import { describe, expect, it, vi } from 'vitest';
import type { Grant } from '../../main/bridge/grant.ts';
import { SessionGrant } from '../../main/bridge/grant.ts';
import { runOperations } from '../../main/bridge/run-operations.ts';
import { ValueStreams } from '../../main/bridge/value-streams.ts';
import type { Cache, Index } from '../../main/engine/index.ts';
import type { ErrorCode } from '../../protocol/error.ts';
import { cache, index } from '../../protocol/stores.ts';
import { MAX_INLINE_BYTES } from '../../protocol/value-stream.ts';
import { type BridgeFixture, openBridge } from './bridge-fixture.ts';

const ADMIN: Grant = { stores: { '*': 'admin' } };

/** Runs operations while each look at the clock finds it a millisecond later; returns how many sets each transaction of `api` had. */
function countSetsByTransaction(bridge: BridgeFixture, operations: readonly unknown[]): number[] {
  const store = bridge.registry.get('api') as Cache;
  const { set, transact } = store;
  const counts: number[] = [];
  vi.spyOn(store, 'set').mockImplementation((...args) => {
    counts.push(counts.pop()! + 1);
    set.apply(store, args);
  });
  vi.spyOn(store, 'transact').mockImplementation((work) => {
    counts.push(0);
    return transact.call(store, work);
  });
  let nowMs = performance.now();
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => ++nowMs);
  try {
    expect(run(bridge, operations)).toEqual(operations.map(() => expect.objectContaining({ value: undefined })));
  } finally {
    clock.mockRestore();
  }
  return counts;
}

/** What became of each operation, and how often others could have had a turn meanwhile. */
function runInSteps({ registry }: BridgeFixture, operations: readonly unknown[], grant = ADMIN) {
  const work = runOperations(operations, {
    permit: new SessionGrant(grant),
    streams: new ValueStreams(),
    findStore: (name) => registry.get(name),
  });
  let yields = 0;
  let step = work.next();
  for (; step.done !== true; step = work.next()) yields++;
  const { values, failures } = step.value;
  expect(values).toHaveLength(operations.length);
  const failed = new Map(failures);
  const outcomes = values.map((value, place) => (failed.has(place) ? { error: failed.get(place) } : { value }));
  return { outcomes, rests: yields };
}

const run = (bridge: BridgeFixture, operations: readonly unknown[], grant = ADMIN) =>
  runInSteps(bridge, operations, grant).outcomes;

const createOperation = (method: string, ...args: unknown[]) => ['api', method, ...args];
const expectedFailure = (code: ErrorCode) => ({ error: expect.objectContaining({ code }) });

describe('one turn of operations', () => {
  it('answers each at its place', () => {
    using bridge = openBridge();
    const operations = [
      createOperation('set', 'a', 1),
      createOperation('get', 'a'),
      createOperation('get', 'b'),
      createOperation('has', 'a'),
      createOperation('size'),
      createOperation('delete', 'a'),
    ];
    expect(run(bridge, operations).map((outcome) => 'value' in outcome && outcome.value)).toEqual([
      undefined,
      1,
      undefined,
      true,
      1,
      true,
    ]);
  });

  it('lets one operation fail alone', () => {
    using bridge = openBridge();
    const outcomes = run(bridge, [
      createOperation('set', 'a', 1),
      createOperation('set', Number.NaN, () => 0),
      createOperation('set', 'b', 2),
      createOperation('get', new Map()),
    ]);
    expect(outcomes).toEqual([
      { value: undefined },
      expectedFailure('BAD_VALUE'),
      { value: undefined },
      expectedFailure('BAD_KEY'),
    ]);
    expect(bridge.cacheInMain('api').getMany(['a', 'b'])).toEqual([1, 2]);
  });

  it('commits the writes on one store together', () => {
    using bridge = openBridge();
    const transactions: number[] = [];
    const store = bridge.registry.get('api');
    const transact = store.transact;
    Object.defineProperty(store, 'transact', {
      value: (fn: () => unknown) => {
        transactions.push(1);
        return transact.call(store, fn);
      },
    });
    run(bridge, [createOperation('set', 'a', 1), createOperation('set', 'b', 2), createOperation('get', 'a')]);
    run(bridge, [createOperation('get', 'a'), createOperation('has', 'b')]);
    expect(transactions).toHaveLength(1);
  });

  it('commits soon where a commit is a record of a journal, and later where it is one of a shared store', () => {
    const sets = Array.from({ length: 60 }, (_, nth) => createOperation('set', `k${nth % 40}`, nth));
    const expected = Array.from({ length: 40 }, (_, nth) => (nth < 20 ? nth + 40 : nth));
    using shared = openBridge();
    expect(countSetsByTransaction(shared, sets).length).toBe(2);
    using exclusive = openBridge({ stores: { api: cache({ exclusive: true }) } });
    for (let nth = 0; nth < 2; nth++) exclusive.cacheInMain('api').set('first', nth);
    const counts = countSetsByTransaction(exclusive, sets);
    expect(Math.max(...counts)).toBeLessThan(10);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(60);
    expect(exclusive.cacheInMain('api').getMany(sets.slice(0, 40).map(([, , key]) => key as string))).toEqual(expected);
  });

  it('never divides a batch, however long it takes', () => {
    using bridge = openBridge({ stores: { api: cache({ exclusive: true }) } });
    for (let nth = 0; nth < 2; nth++) bridge.cacheInMain('api').set('first', nth);
    const steps = Array.from({ length: 60 }, (_, nth) => ({ set: [`k${nth}`, nth] }));
    let nowMs = performance.now();
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => ++nowMs);
    const failing = [...steps, { if: { key: 'k59', absent: true } }];
    const outcomes = run(bridge, [createOperation('batch', failing), createOperation('set', 'after', 1)]);
    clock.mockRestore();
    expect(outcomes).toEqual([{ value: { committed: false, failed: 60 } }, { value: undefined }]);
    expect([...bridge.cacheInMain('api').keys()]).toEqual(['first', 'after']);
  });

  it('refuses malformed operations', () => {
    using bridge = openBridge();
    const none = [
      null,
      1,
      'get',
      [],
      {},
      createOperation('constructor'),
      createOperation('__proto__'),
      createOperation('transact'),
      createOperation('close'),
      ['api'],
      { store: 'api', method: 'get', args: [] },
    ];
    expect(run(bridge, none)).toEqual(none.map(() => expectedFailure('NOT_ALLOWED')));
  });

  it('names the store that was not declared', () => {
    using bridge = openBridge();
    expect(run(bridge, [['../secret', 'get', 'k']])).toEqual([expectedFailure('NO_SUCH_STORE')]);
    expect(run(bridge, [['__proto__', 'get', 'k']])).toEqual([expectedFailure('NO_SUCH_STORE')]);
  });

  it('survives arguments that fit no signature', () => {
    using bridge = openBridge();
    const odd = [
      createOperation('get'),
      createOperation('getMany', 5),
      createOperation('setMany', [1]),
      createOperation('set', 'k', 1, 'soon'),
      createOperation('page', 'cats'),
      createOperation('page', 'keys', 7),
      createOperation('page', 'keys', {}, { no: 'cursor' }),
    ];
    for (const outcome of run(bridge, odd)) expect(outcome).toHaveProperty('error.code');
  });
});

describe('a turn that brings much', () => {
  it('lets others have a turn between its reads, but not within a short transaction', () => {
    using bridge = openBridge();
    const cache = bridge.cacheInMain('api');
    for (let n = 0; n < 20; n++) cache.set(n, new Uint8Array(40_000).fill(n));
    const reads = Array.from({ length: 20 }, (_, n) => createOperation('get', n));
    const { outcomes, rests } = runInSteps(bridge, reads);
    expect(outcomes.every((it, n) => 'value' in it && (it.value as Uint8Array)[0] === n)).toBe(true);
    expect(rests).toBeGreaterThanOrEqual(10);
    expect(runInSteps(bridge, [...reads, createOperation('set', 'a', 1)]).rests).toBeLessThan(10);
  });
});

describe('an answer', () => {
  it('is bounded: reads beyond the limit are refused, and items that they would remove stay', () => {
    using bridge = openBridge();
    const cache = bridge.cacheInMain('api');
    const large = new Uint8Array(15 * 2 ** 20);
    for (const key of ['a', 'b', 'c', 'd']) cache.set(key, large);
    cache.set('small', 1);
    const outcomes = run(bridge, [
      createOperation('getMany', ['a', 'b']),
      createOperation('getMany', ['a', 'b', 'c']),
      createOperation('getMany', ['c', 'd']),
      createOperation('getEntry', 'c'),
      createOperation('get', 'small'),
      createOperation('pop', 'd'),
    ]);
    const bytesOf = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(bytesOf);
      return value instanceof Uint8Array ? value.length : typeof value === 'object' ? '…' : value;
    };
    const answered = outcomes.map((it) => ('value' in it ? bytesOf(it.value) : it.error?.code));
    const { length } = large;
    expect(answered).toEqual([[length, length], 'TOO_LARGE', [length, length], 'TOO_LARGE', 1, 'TOO_LARGE']);
    expect(cache.has('d')).toBe(true);
  });

  it('holds no bytes and no text that can be a stream, but one piece of a getMany', () => {
    using bridge = openBridge({ stores: { api: cache(), facts: index() } });
    const [bytes, text] = [new Uint8Array(MAX_INLINE_BYTES + 1), 'x'.repeat(MAX_INLINE_BYTES + 1)];
    for (const store of [bridge.cacheInMain('api'), bridge.registry.get('facts') as Index]) {
      store.set('bytes', bytes);
      store.set('text', text);
    }
    expect(run(bridge, [createOperation('get', 'bytes'), createOperation('get', 'text')])).toEqual([
      expectedFailure('TOO_LARGE'),
      expectedFailure('TOO_LARGE'),
    ]);
    expect(run(bridge, [createOperation('getMany', ['bytes', 'text'])])).toEqual([{ value: [bytes, text] }]);
    const batch = [{ get: ['text'] }];
    expect(run(bridge, [createOperation('batch', batch)])).toEqual([{ value: { committed: true, results: [text] } }]);
    expect(run(bridge, [['facts', 'get', 'text']])).toEqual([{ value: text }]);
  });
});

describe('a grant', () => {
  const stores = { api: cache(), secret: cache(), log: cache() };
  const grant: Grant = { stores: { api: 'write', log: 'read' } };

  it('covers the methods of its level and the weaker ones', () => {
    using bridge = openBridge({ stores });
    const on = (store: string, method: string, ...args: unknown[]) => run(bridge, [[store, method, ...args]], grant)[0];
    expect(on('api', 'set', 'k', 1)).toEqual({ value: undefined });
    expect(on('api', 'get', 'k')).toEqual({ value: 1 });
    expect(on('api', 'clear')).toEqual(expectedFailure('NOT_ALLOWED'));
    expect(on('api', 'clear', { prefix: 'k' })).toEqual(expectedFailure('NOT_ALLOWED'));
    expect(on('api', 'hasMany', ['k', 'l'])).toEqual({ value: [true, false] });
    expect(on('api', 'deletePrefix', 'l')).toEqual({ value: 0 });
    expect(on('api', 'deleteMany', ['k', 'l'], { each: true })).toEqual({ value: [true, false] });
    expect(on('log', 'get', 'k')).toEqual({ value: undefined });
    expect(on('log', 'hasMany', ['k'])).toEqual({ value: [false] });
    expect(on('log', 'deletePrefix', 'k')).toEqual(expectedFailure('NOT_ALLOWED'));
    expect(on('log', 'deleteMany', ['k'], { each: true })).toEqual(expectedFailure('NOT_ALLOWED'));
    expect(on('log', 'set', 'k', 1)).toEqual(expectedFailure('NOT_ALLOWED'));
  });

  it('covers nothing it does not name, not even through prototypes', () => {
    using bridge = openBridge({ stores });
    for (const store of ['secret', 'default', 'constructor', '__proto__', 'toString']) {
      expect(run(bridge, [[store, 'get', 'k']], grant)).toEqual([expectedFailure('NOT_ALLOWED')]);
    }
  });
});
