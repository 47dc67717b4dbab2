import { afterEach, describe, expect, it } from 'vitest';
import type { Grant } from '../../main/bridge/grant.ts';
import { SessionGrant } from '../../main/bridge/grant.ts';
import { runOperations } from '../../main/bridge/run-operations.ts';
import { ValueStreams } from '../../main/bridge/value-streams.ts';
import type { Cache, Deque, Index } from '../../main/engine/index.ts';
import type { ErrorCode, ErrorData } from '../../protocol/error.ts';
import { cache, deque, index } from '../../protocol/stores.ts';
import { type BridgeFixture, openBridge } from './bridge-fixture.ts';

const stores = {
  api: cache(),
  packed: cache({ compression: 'zstd' }),
  files: cache({ fileThreshold: 1 }),
  list: deque({ durability: 'process' }),
  facts: index({ durability: 'process' }),
} as const;

let bridge: BridgeFixture;
afterEach(() => bridge[Symbol.dispose]());

interface RunResult {
  readonly values: readonly unknown[];
  readonly codes: readonly (ErrorCode | undefined)[];
  readonly errors: ReadonlyMap<number, ErrorData>;
  /** How often others could have had a turn. */
  readonly yields: number;
  /** The longest the main thread was busy at a stretch, milliseconds. */
  readonly longestMs: number;
}

function run(operations: readonly unknown[], grant: Grant = { stores: { '*': 'admin' } }): RunResult {
  const permit = new SessionGrant(grant);
  const findStore = (name: string) => bridge.registry.get(name);
  const work = runOperations(operations, { permit, streams: new ValueStreams(), findStore });
  let yields = 0;
  let longestMs = 0;
  for (;;) {
    const startedAt = performance.now();
    const step = work.next();
    longestMs = Math.max(longestMs, performance.now() - startedAt);
    if (step.done === true) {
      const errors = new Map(step.value.failures);
      const codes = operations.map((_, place) => errors.get(place)?.code);
      return { values: step.value.values, codes, errors, yields, longestMs };
    }
    yields++;
  }
}

const list = () => bridge.registry.get('list') as Deque;
const createArray = <T>(count: number, make: (n: number) => T): T[] => Array.from({ length: count }, (_, n) => make(n));

/** A small array of which every element refers to all others: walked along every path it never ends. */
function createCyclicGraph(): unknown[] {
  const nodes: unknown[][] = createArray(40, () => []);
  for (const [at, node] of nodes.entries()) node.push(...nodes.slice(0, at), ...nodes.slice(at + 1, at + 2));
  return [nodes.at(-1), nodes[0]];
}

describe('comparisons for a page', () => {
  it('ends for every object graph', () => {
    bridge = openBridge({ stores });
    bridge.cacheInMain('api').set('graph', createCyclicGraph());
    list().push(createCyclicGraph());
    (bridge.registry.get('facts') as unknown as Map<string, unknown>).set('graph', createCyclicGraph());
    const { values } = run([
      ['api', 'batch', [{ if: { key: 'graph', equals: createCyclicGraph() } }]],
      ['list', 'count', createCyclicGraph()],
      ['list', 'indexOf', createCyclicGraph()],
      ['list', 'includes', createCyclicGraph()],
      ['list', 'equals', [createCyclicGraph()]],
      ['facts', 'equals', [['graph', createCyclicGraph()]]],
      ['list', 'remove', createCyclicGraph()],
    ]);
    expect(values).toEqual([{ committed: true, results: [undefined] }, 1, 0, true, true, true, true]);
  }, 5000);

  it('may not be an array in the place of a number, which would be written out as a text', () => {
    bridge = openBridge({ stores });
    const graph = createCyclicGraph();
    const { codes } = run([
      ['list', 'at', graph],
      ['list', 'indexOf', 1, graph],
      ['list', 'splice', graph, 1],
      ['list', 'delete', graph],
      ['list', 'rotate', graph],
      ['list', 'set', graph, 1],
      ['api', 'incr', 'k', graph],
      ['api', 'set', 'k', 1, { ttl: graph }],
      ['api', 'set', 'k', 1, { tag: graph }],
      ['api', 'evict', graph],
      ['api', 'setMany', [['k', 1, graph]]],
      ['api', 'deleteMany', ['k'], { each: graph }],
      ['api', 'set', 'k', 1, { expiresAt: graph }],
      ['api', 'push', 1, { side: graph }],
      ['api', 'page', 'keys', { order: graph }],
      ['list', 'batch', [{ at: [graph] }]],
    ]);
    expect(codes).toEqual(codes.map(() => 'BAD_OPTION'));
    const asKey = run([
      ['api', 'deletePrefix', graph],
      ['api', 'clear', { prefix: graph }],
      ['api', 'hasMany', [graph]],
    ]);
    expect(asKey.codes).toEqual(['BAD_KEY', 'BAD_KEY', 'BAD_KEY']);
  }, 5000);
});

describe('the reads of one call of a page', () => {
  it('is counted as it is in memory, not as it is on disk', () => {
    bridge = openBridge({ stores });
    bridge.cacheInMain('api').set(
      'arrays',
      createArray(10_000, () => []),
    );
    bridge.cacheInMain('packed').set('zeros', new Uint8Array(15 * 2 ** 20));
    const { codes, values } = run([
      ['api', 'get', 'arrays'],
      ['api', 'getMany', new Array(2000).fill('arrays')],
      ['api', 'batch', createArray(2000, () => ({ get: ['arrays'] }))],
      ['packed', 'getMany', ['zeros', 'zeros']],
      ['packed', 'getMany', new Array(10).fill('zeros')],
      ['packed', 'batch', createArray(10, () => ({ getEntry: ['zeros'] }))],
    ]);
    expect(codes).toEqual([undefined, 'TOO_LARGE', 'TOO_LARGE', undefined, 'TOO_LARGE', 'TOO_LARGE']);
    expect(values[3]).toHaveLength(2);
  }, 30_000);

  it('may be one value of very many parts', () => {
    bridge = openBridge({ stores });
    bridge.cacheInMain('api').set(
      'rows',
      createArray(300_000, () => []),
    );
    expect(run([['api', 'get', 'rows']]).codes).toEqual([undefined]);
    expect(run([['api', 'getMany', ['rows', 'rows']]]).codes).toEqual(['TOO_LARGE']);
  }, 30_000);

  it('removes nothing when the result would be too large', () => {
    bridge = openBridge({ stores });
    // Two of them are an answer, three are too much, and so are two in one call.
    const large = new Uint8Array(30 * 2 ** 20);
    const api = bridge.cacheInMain('api');
    for (const key of ['a', 'b', 'c']) api.set(key, large);
    const first = api.push(large);
    api.push(large);
    api.push(large);
    list().push(large, large, large);
    const taking = (store: string, method: string, ...args: unknown[]) =>
      run([
        [store, method, ...args],
        [store, method, ...args],
        [store, method, ...args],
      ]).codes;
    expect(
      run([
        ['api', 'pop', 'a'],
        ['api', 'pop', 'b'],
        ['api', 'pop', 'c'],
      ]).codes,
    ).toEqual([undefined, undefined, 'TOO_LARGE']);
    expect(api.has('c')).toBe(true);
    expect(taking('api', 'pull')).toEqual([undefined, undefined, 'TOO_LARGE']);
    expect(api.peek()?.[0]).toBe(Number(first) + 2);
    expect(taking('list', 'shift')).toEqual([undefined, undefined, 'TOO_LARGE']);
    expect(list().length).toBe(1);
    list().push(large);
    expect(run([['list', 'splice', 0, 2]]).codes).toEqual(['TOO_LARGE']);
    expect(run([['list', 'batch', [{ pop: [] }, { pop: [] }]]]).codes).toEqual(['TOO_LARGE']);
    expect(list().length).toBe(2);
  }, 60_000);
});

describe('the work of one call of a page', () => {
  it('runs in steps that yield to others, with the same result', () => {
    bridge = openBridge({ stores });
    const api = bridge.cacheInMain('api');
    list().extend(createArray(40_000, (n) => n % 20_000));
    api.setMany(
      createArray(20_000, (n) => [n, n] as const),
      { tag: 'old' },
    );
    api.set('last', 1, { tag: 'new' });
    const { values, yields } = run([
      ['list', 'count', 19_999],
      ['list', 'indexOf', 19_999],
      ['list', 'indexOf', 19_999, 20_000],
      ['list', 'indexOf', 19_999, -1],
      ['list', 'includes', 'nowhere'],
      ['list', 'equals', createArray(40_000, (n) => n % 20_000)],
      ['list', 'equals', createArray(40_000, (n) => n % 20_000 || 1)],
      ['list', 'equals', [0, 1]],
      ['api', 'page', 'keys', { tag: 'new' }],
      ['api', 'page', 'values', { tag: 'new', limit: 1, reverse: true, order: 'key' }],
      ['api', 'page', 'keys', { tag: 'none' }],
    ]);
    expect(values).toEqual([
      2,
      19_999,
      39_999,
      39_999,
      false,
      true,
      false,
      false,
      { items: ['last'] },
      { items: [1] },
      { items: [] },
    ]);
    expect(yields).toBeGreaterThan(10);
    const before = list().length;
    const written = run([['list', 'remove', 19_999]]);
    expect([written.values[0], list().length, list().at(19_999)]).toEqual([true, before - 1, 0]);
    expect(run([['list', 'remove', 'nowhere']]).values).toEqual([false]);
    expect(run([['api', 'evict', 'old']]).values).toEqual([20_000]);
    expect([...api.keys()]).toEqual(['last']);
  }, 60_000);

  it('deletes a prefix in steps, between which others have their turn', () => {
    bridge = openBridge({ stores });
    const api = bridge.cacheInMain('api');
    const facts = bridge.registry.get('facts') as Index;
    const fill = () => {
      for (const prefix of ['a', 'b']) api.setMany(createArray(20_000, (n) => [`${prefix}${n}`, n]));
      facts.setMany(createArray(20_000, (n) => [['a', n], n] as const));
    };
    fill();
    const outcome = run([
      ['api', 'deletePrefix', 'a'],
      ['api', 'clear', { prefix: 'b' }],
      ['facts', 'deletePrefix', ['a']],
    ]);
    expect(outcome.values).toEqual([20_000, 20_000, 20_000]);
    expect(outcome.yields).toBeGreaterThan(5);
    fill();
    const steps = [{ deletePrefix: ['a199'] }, { if: { key: 'b1', absent: true } }];
    expect(run([['api', 'batch', steps]]).values).toEqual([{ committed: false, failed: 1 }]);
    expect(
      run([
        ['facts', 'clear', { prefix: ['a'] }],
        ['facts', 'clear'],
      ]).values,
    ).toEqual([20_000, undefined]);
    expect(run([['api', 'clear']]).values).toEqual([40_000]);
  }, 60_000);

  it('leads from page to page past items that a tag or a prefix excludes', () => {
    bridge = openBridge({ stores });
    const api = bridge.cacheInMain('api');
    const isOdd = (n: number) => n % 6000 === 1;
    for (let n = 0; n < 13_000; n++) api.set(`k${n}`, n, { tag: isOdd(n) ? 'odd' : 'even' });
    for (const range of [
      { tag: 'odd' },
      { tag: 'odd', reverse: true },
      { tag: 'odd', order: 'key' },
      { tag: 'odd', limit: 2 },
    ] as const) {
      const found: unknown[] = [];
      for (let after: unknown; ; ) {
        const [page] = run([['api', 'page', 'keys', range, after]]).values as [{ items: unknown[]; next?: unknown }];
        expect(page.items.length > 0 || page.next === undefined).toBe(true);
        found.push(...page.items);
        if (page.next === undefined) break;
        after = page.next;
      }
      expect(found).toEqual([...api.keys(range)]);
    }
  }, 60_000);

  it('parts a transaction that takes long, and each of its calls is done', () => {
    bridge = openBridge({ stores });
    const api = bridge.cacheInMain('api');
    api.setMany(
      createArray(10_000, (n) => [n, n] as const),
      { tag: 'old' },
    );
    list().extend(createArray(20_000, (n) => n));
    const counts = createArray(20, () => ['list', 'count', 5]);
    const { values, yields, codes } = run([
      ['api', 'set', 'a', 1],
      ['api', 'evict', 'old'],
      ['api', 'set', 'b', 2],
      ['list', 'push', 5],
      ...counts,
      ['list', 'push', 5],
      ['list', 'count', 5],
    ]);
    expect(codes.filter(Boolean)).toEqual([]);
    expect(values).toEqual([undefined, 10_000, undefined, 20_001, ...counts.map(() => 2), 20_002, 3]);
    expect(yields).toBeGreaterThan(1);
    expect([...api.keys()]).toEqual(['a', 'b']);
  }, 60_000);

  it('is refused whole where it has to be one transaction', () => {
    bridge = openBridge({ stores });
    list().extend(createArray(5000, (n) => ({ n })));
    const steps = [{ push: ['new'] }, ...createArray(500, () => ({ count: [{ never: 1 }] }))];
    const { codes, longestMs } = run([['list', 'batch', steps]]);
    expect(codes).toEqual(['TOO_LARGE']);
    expect(list().length).toBe(5000);
    expect(longestMs).toBeLessThan(2000);
    expect(run([['files', 'batch', createArray(3, () => ({ volume: [] }))]]).codes).toEqual([undefined]);
  }, 30_000);

  it('measures many files in steps, and never tells what was true before a write', () => {
    bridge = openBridge({ stores });
    const files = bridge.registry.get('files') as Cache;
    files.setMany(createArray(6000, (n) => [n, 'x'.repeat(100)] as const));
    const first = run([['files', 'volume']]);
    expect(first.values).toEqual([files.volume()]);
    expect(first.yields).toBeGreaterThan(1);
    files.clear();
    const second = run([
      ['files', 'volume'],
      ['files', 'set', 'k', 'x'.repeat(500_000)],
      ['files', 'volume'],
    ]);
    expect(second.values[0]).toBeLessThan(Number(first.values[0]) - 500_000);
    expect(second.values[2]).toBeGreaterThanOrEqual(Number(second.values[0]) + 500_000);
  }, 60_000);

  it('moves no more values of a deque than fit into a moment', () => {
    bridge = openBridge({ stores });
    list().extend(createArray(45_000, (n) => n));
    const calls = [
      ['list', 'reverse'],
      ['list', 'rotate', 22_000],
      ['list', 'delete', 22_000],
      ['list', 'splice', 0, 30_000],
    ];
    expect(run(calls).codes).toEqual(calls.map(() => 'TOO_LARGE'));
    expect([list().length, list().at(0)]).toEqual([45_000, 0]);
    expect(
      run([
        ['list', 'rotate', 1],
        ['list', 'delete', 3],
      ]).codes,
    ).toEqual([undefined, undefined]);
    list().clear();
    list().extend(createArray(600, () => new Uint8Array(30_000)));
    expect(run([['list', 'reverse']]).codes).toEqual(['TOO_LARGE']);
  }, 60_000);

  it('limits the arguments of one call', () => {
    bridge = openBridge({ stores });
    const many = createArray(10_001, (n) => n);
    const { codes, errors } = run([
      ['api', 'getMany', many],
      ['api', 'deleteMany', many],
      ['api', 'setMany', many.map((n) => [n, n])],
      ['api', 'setMany', new Map(many.map((n) => [n, n]))],
      ['list', 'extend', many],
      ['api', 'batch', many.map((n) => ({ has: [n] }))],
    ]);
    expect(codes).toEqual(codes.map(() => 'TOO_LARGE'));
    expect(errors.get(0)?.message).toContain('10000');
    expect(run([['list', 'equals', many]]).values).toEqual([false]);
  }, 30_000);
});

describe('the errors of failed calls in a page', () => {
  it('does not grow with what it has given', () => {
    bridge = openBridge({ stores });
    const long = 'n'.repeat(2 ** 20);
    const named = { [long]: undefined };
    const { errors, codes } = run([
      ['api', 'get', named],
      ['api', 'get', { ok: { [long]: Symbol.iterator.description, [`${long}\ud800`]: 1 } }],
      ['api', 'peekItem', named],
      ['api', 'push', 1, { side: long }],
      ['api', 'set', 'k', 1, { ttl: long }],
      ['api', 'set', 'k', Object.assign(new Map(), named)],
      ['api', 'set', 'k', { [long]: { [long]: () => 1 } }],
      ['api', 'page', 'keys', { order: long }],
      ['api', 'batch', [{ [long]: 1 }]],
      ['api', long],
      [long, 'get', 'k'],
      ['api', 'get', Object.assign([1], { [long]: 1 })],
    ]);
    expect(codes).not.toContain(undefined);
    for (const { message, cause = '' } of errors.values())
      expect([message.slice(0, 60), message.length + cause.length < 500]).toEqual([message.slice(0, 60), true]);
  });
});
