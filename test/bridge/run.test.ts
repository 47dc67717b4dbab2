import { describe, expect, it } from 'vitest';
import type { Grant } from '../../main/bridge/grant.ts';
import { Permit } from '../../main/bridge/permit.ts';
import { runOperations } from '../../main/bridge/run.ts';
import { ValueStreams } from '../../main/bridge/value-streams.ts';
import type { Index } from '../../main/engine/index.ts';
import type { ErrorCode } from '../../protocol/error.ts';
import { cache, index } from '../../protocol/stores.ts';
import { WHOLE_BYTES } from '../../protocol/value-stream.ts';
import { type Bridge, openBridge } from './over-a-port.ts';

const ADMIN: Grant = { stores: { '*': 'admin' } };

/** What became of each operation, and how often others could have had a turn meanwhile. */
function runInSteps({ registry }: Bridge, operations: readonly unknown[], grant = ADMIN) {
  const work = runOperations(operations, {
    permit: new Permit(grant),
    streams: new ValueStreams(),
    findStore: (name) => registry.find(name),
  });
  let rests = 0;
  let step = work.next();
  for (; step.done !== true; step = work.next()) rests++;
  const { values, failures } = step.value;
  expect(values).toHaveLength(operations.length);
  const failed = new Map(failures);
  const outcomes = values.map((value, place) => (failed.has(place) ? { error: failed.get(place) } : { value }));
  return { outcomes, rests };
}

const run = (bridge: Bridge, operations: readonly unknown[], grant = ADMIN) =>
  runInSteps(bridge, operations, grant).outcomes;

const op = (method: string, ...args: unknown[]) => ['api', method, ...args];
const failure = (code: ErrorCode) => ({ error: expect.objectContaining({ code }) });

describe('one turn of operations', () => {
  it('answers each at its place', () => {
    using bridge = openBridge();
    const operations = [
      op('set', 'a', 1),
      op('get', 'a'),
      op('get', 'b'),
      op('has', 'a'),
      op('size'),
      op('delete', 'a'),
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
      op('set', 'a', 1),
      op('set', Number.NaN, () => 0),
      op('set', 'b', 2),
      op('get', new Map()),
    ]);
    expect(outcomes).toEqual([{ value: undefined }, failure('BAD_VALUE'), { value: undefined }, failure('BAD_KEY')]);
    expect(bridge.cacheInMain('api').getMany(['a', 'b'])).toEqual([1, 2]);
  });

  it('commits the writes on one store together', () => {
    using bridge = openBridge();
    const transactions: number[] = [];
    const store = bridge.registry.find('api');
    const transact = store.transact;
    Object.defineProperty(store, 'transact', {
      value: (fn: () => unknown) => {
        transactions.push(1);
        return transact.call(store, fn);
      },
    });
    run(bridge, [op('set', 'a', 1), op('set', 'b', 2), op('get', 'a')]);
    run(bridge, [op('get', 'a'), op('has', 'b')]);
    expect(transactions).toHaveLength(1);
  });

  it('refuses what is no operation', () => {
    using bridge = openBridge();
    const none = [
      null,
      1,
      'get',
      [],
      {},
      op('constructor'),
      op('__proto__'),
      op('transact'),
      op('close'),
      ['api'],
      { store: 'api', method: 'get', args: [] },
    ];
    expect(run(bridge, none)).toEqual(none.map(() => failure('NOT_ALLOWED')));
  });

  it('says which store was not declared', () => {
    using bridge = openBridge();
    expect(run(bridge, [['../secret', 'get', 'k']])).toEqual([failure('NO_SUCH_STORE')]);
    expect(run(bridge, [['__proto__', 'get', 'k']])).toEqual([failure('NO_SUCH_STORE')]);
  });

  it('survives arguments that fit no signature', () => {
    using bridge = openBridge();
    const odd = [
      op('get'),
      op('getMany', 5),
      op('setMany', [1]),
      op('set', 'k', 1, 'soon'),
      op('page', 'cats'),
      op('page', 'keys', 7),
      op('page', 'keys', {}, { no: 'cursor' }),
    ];
    for (const outcome of run(bridge, odd)) expect(outcome).toHaveProperty('error.code');
  });
});

describe('a turn that brings much', () => {
  it('lets others have a turn between its reads, and not before a transaction has taken long', () => {
    using bridge = openBridge();
    const cache = bridge.cacheInMain('api');
    for (let n = 0; n < 20; n++) cache.set(n, new Uint8Array(40_000).fill(n));
    const reads = Array.from({ length: 20 }, (_, n) => op('get', n));
    const { outcomes, rests } = runInSteps(bridge, reads);
    expect(outcomes.every((it, n) => 'value' in it && (it.value as Uint8Array)[0] === n)).toBe(true);
    expect(rests).toBeGreaterThanOrEqual(10);
    expect(runInSteps(bridge, [...reads, op('set', 'a', 1)]).rests).toBeLessThan(10);
  });
});

describe('an answer', () => {
  it('is bounded; what is read beyond that is refused, and what would be taken out stays', () => {
    using bridge = openBridge();
    const cache = bridge.cacheInMain('api');
    const large = new Uint8Array(15 * 2 ** 20);
    for (const key of ['a', 'b', 'c', 'd']) cache.set(key, large);
    cache.set('small', 1);
    const outcomes = run(bridge, [
      op('getMany', ['a', 'b']),
      op('getMany', ['a', 'b', 'c']),
      op('getMany', ['c', 'd']),
      op('getEntry', 'c'),
      op('get', 'small'),
      op('pop', 'd'),
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
    const [bytes, text] = [new Uint8Array(WHOLE_BYTES + 1), 'x'.repeat(WHOLE_BYTES + 1)];
    for (const store of [bridge.cacheInMain('api'), bridge.registry.find('facts') as Index]) {
      store.set('bytes', bytes);
      store.set('text', text);
    }
    expect(run(bridge, [op('get', 'bytes'), op('get', 'text')])).toEqual([failure('TOO_LARGE'), failure('TOO_LARGE')]);
    expect(run(bridge, [op('getMany', ['bytes', 'text'])])).toEqual([{ value: [bytes, text] }]);
    const batch = [{ get: ['text'] }];
    expect(run(bridge, [op('batch', batch)])).toEqual([{ value: { committed: true, results: [text] } }]);
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
    expect(on('api', 'clear')).toEqual(failure('NOT_ALLOWED'));
    expect(on('log', 'get', 'k')).toEqual({ value: undefined });
    expect(on('log', 'set', 'k', 1)).toEqual(failure('NOT_ALLOWED'));
  });

  it('covers nothing it does not name, not even through prototypes', () => {
    using bridge = openBridge({ stores });
    for (const store of ['secret', 'default', 'constructor', '__proto__', 'toString']) {
      expect(run(bridge, [[store, 'get', 'k']], grant)).toEqual([failure('NOT_ALLOWED')]);
    }
  });
});
