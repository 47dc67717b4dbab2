import { inspect } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { MessagePort } from 'node:worker_threads';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Grant } from '../../main/bridge/grant.ts';
import type { Queue } from '../../main/offline/queue/index.ts';
import { SIGNATURES, SIGNATURES_OF_ANY } from '../../protocol/contract.ts';
import { cache, deque, fanout, index } from '../../protocol/stores.ts';
import { VALUE_STREAM } from '../../protocol/value-stream.ts';
import { type Bridge, openBridge } from './over-a-port.ts';

/*
 * A page that was taken over speaks to its port directly. Whatever it says, the main process lives and answers, other stores stay
 * as they are and untold, and no prototype is touched.
 */

const stores = { api: cache(), shards: fanout({ shards: 2 }), settings: index(), outbox: deque(), secret: cache() };
const grant: Grant = {
  stores: { api: 'write', shards: 'write', settings: 'write', outbox: 'write', '@queue/letters': 'write' },
  bytes: 5_000_000,
};
const SECRET = 'swordfish';

const deep = (levels: number): unknown => {
  let value: unknown = 1;
  for (let n = 0; n < levels; n++) value = n % 2 ? [value] : { value };
  return value;
};
const cycle: Record<string, unknown> = { a: 1 };
cycle['self'] = cycle;

const names = [
  ...Object.keys(SIGNATURES_OF_ANY),
  ...Object.keys(SIGNATURES.queue),
  ...Object.keys(VALUE_STREAM),
  'batch',
];
const oddName = fc.constantFrom<unknown>(
  ...[
    'constructor',
    '__proto__',
    'toString',
    'hasOwnProperty',
    'transact',
    'close',
    'directory',
    'describe',
    'subscribe',
    'process',
  ],
  ...['', 'GET', null, 7, {}, ['get']],
);
const store = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom<unknown>('api', 'shards', 'settings', 'outbox', '@queue/letters') },
  fc.constantFrom<unknown>(
    '@queue/',
    '@queue/none',
    '@queue/secret',
    '@queue/../secret',
    '@queue/__proto__',
    '@QUEUE/letters',
  ),
  fc.constantFrom<unknown>('secret', '../secret', 'api/../secret', '/etc', 'SECRET', '@window', '*', 'default'),
  fc.constantFrom<unknown>('__proto__', 'constructor', '', null, 5, ['api'], { toString: 'api' }),
);
const oddValue = fc.constantFrom<unknown>(
  ...[undefined, null, Number.NaN, -1, 2 ** 53, Number.POSITIVE_INFINITY, 5n, '', 'k', '\ud800', 'x'.repeat(70_000)],
  ...[
    {},
    [],
    cycle,
    deep(200),
    deep(1500),
    new Map([[{}, 1]]),
    new Set([1]),
    new Date(Number.NaN),
    /x/g,
    new Error('e'),
  ],
  ...[new Uint8Array(3), new ArrayBuffer(8), new Array(20_000).fill(0), [['k', 1]], [[1]], [null], new Array(5)],
  ...[{ order: 'key' }, { limit: -1 }, { at: 'x', seen: 1 }, { index: -5, seen: 0 }, { prefix: [] }, { ttl: 'soon' }],
  ...[
    { repair: true },
    { sizeLimit: 1 },
    { last: 'yes' },
    { side: 'middle' },
    'keys',
    'values',
    'entries',
    'items',
    'stored',
  ],
  ...['ready', 'held', 'dead', 'constructor', 1, 2, [0, 1], [-Infinity, 2 ** 53], ['tally'], ['\u{10ffff}', 9]],
  ...[{ delay: 1 }, { delay: Infinity }, { priority: -0 }, { priority: NaN }, { group: [[]] }, { dedupeKey: cycle }],
  ...[{ group: 'g', dedupeKey: 7 }, [{ payload: 1, group: 'g' }], [{ payload: deep(200) }], [{ payload: cycle }, {}]],
  ...[new Array(5000).fill({ payload: 0 }), [{ __proto__: { payload: 1 } }], [{ payload: 1, more: 2 }]],
  ...[{ __proto__: { evil: true } }, JSON.parse('{"__proto__":{"polluted":1}}'), { constructor: 1 }],
);
const step = fc.oneof(
  fc
    .tuple(fc.oneof(fc.constantFrom(...names), fc.constantFrom('constructor', 'toString', 'if')), oddValue)
    .map(([name, value]) => ({
      [name]: value,
    })),
  fc.tuple(fc.constantFrom(...names), fc.array(oddValue, { maxLength: 3 })).map(([name, args]) => ({ [name]: args })),
  fc.record({ if: fc.record({ key: oddValue, equals: oddValue }, { requiredKeys: [] }) }),
  oddValue,
);
const args = fc.oneof(
  { weight: 4, arbitrary: fc.array(oddValue, { maxLength: 4 }) },
  fc.array(fc.array(step, { maxLength: 4 }), { maxLength: 1 }),
  oddValue,
);
const method = fc.oneof({ weight: 8, arbitrary: fc.constantFrom<unknown>(...names) }, oddName);
const operation = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.tuple(store, method, args).map(([...it]) => (Array.isArray(it[2]) ? [it[0], it[1], ...it[2]] : it)),
  },
  oddValue,
);
const id = fc.oneof(fc.integer(), fc.constantFrom<unknown>(-0, Number.NaN, 'x', null, {}));
const request = fc.tuple(id, fc.oneof(fc.array(operation, { maxLength: 4 }), oddValue));
const comlink = fc.record(
  {
    id: fc.oneof(fc.string(), oddValue),
    type: fc.constantFrom<unknown>('APPLY', 'GET', 'SET', 'CONSTRUCT', 'ENDPOINT', 'RELEASE', null, 5),
    path: fc.oneof(
      fc.array(
        fc.oneof(fc.constantFrom<unknown>('watch', 'unwatch', 'seen', 'near', 'far', 'dropped', 'run'), oddName),
        { maxLength: 2 },
      ),
      oddValue,
    ),
    argumentList: fc.oneof(
      fc.array(
        fc.record({
          type: fc.constantFrom('RAW', 'HANDLER', 'x'),
          name: fc.constantFrom('proxy', 'throw', '__proto__'),
          value: fc.oneof(fc.record({ id, store, range: oddValue }), oddValue),
        }),
        { maxLength: 2 },
      ),
      oddValue,
    ),
  },
  { requiredKeys: [] },
);
const message = fc.oneof({ weight: 5, arbitrary: request }, { weight: 3, arbitrary: comlink }, oddValue, fc.anything());

/** Bytes on the heap and beside it after a garbage collection, the stores' memory tiers included. */
async function memoryInUse(): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let n = 0; n < 3; n++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** What the port answers until it has answered a last, honest question. */
async function talk(port: MessagePort, messages: readonly unknown[], last: number): Promise<unknown[]> {
  const heard: unknown[] = [];
  const done = new Promise<void>((resolve) => {
    port.on('message', (answer: unknown) => {
      heard.push(answer);
      if (Array.isArray(answer) && answer[0] === last) resolve();
    });
  });
  for (const it of messages) port.postMessage(it);
  port.postMessage([last, [['api', 'has', 'k']]]);
  await done;
  port.removeAllListeners('message');
  return heard;
}

/** A repair finds nothing to count anew, but those whose time has come. */
function countsOf(queue: Queue) {
  const { ready, delayed, ...others } = queue.counts();
  return { ...others, waiting: ready + delayed };
}

function expectUnharmed(bridge: Bridge, heard: readonly unknown[], last: number): void {
  expect(heard.at(-1)).toEqual([last, [expect.any(Boolean)], []]);
  expect(inspect(heard, { depth: 9, maxArrayLength: null })).not.toContain(SECRET);
  expect([...bridge.cacheInMain('secret').entries()]).toEqual([['word', SECRET]]);
  for (const odd of ['polluted', 'evil', 'pwned']) expect({}).not.toHaveProperty(odd);
}

describe('a hostile page', () => {
  it('harms nothing by 100 000 messages of every malformed shape', { timeout: 120_000 }, async () => {
    using bridge = openBridge({ stores, grant });
    bridge.cacheInMain('secret').set('word', SECRET);
    const letters = bridge.queues.find('letters', { durability: 'process' });
    const secret = bridge.queues.find('secret', { durability: 'process' });
    secret.enqueue(SECRET);
    let sent = 0;
    let memory = Number.NaN;
    const property = fc.asyncProperty(fc.array(message, { minLength: 400, maxLength: 900 }), async (messages) => {
      const port = bridge.rawPort();
      const last = 1e15 + sent;
      for (let round = 0; round < 10; round++) {
        expectUnharmed(bridge, await talk(port, messages, last + round), last + round);
        sent += messages.length;
      }
      port.close();
      // What is loaded and compiled once comes with the first of them.
      if (Number.isNaN(memory)) memory = await memoryInUse();
    });
    await fc.assert(property, { numRuns: 25, endOnFailure: true });
    expect(sent).toBeGreaterThanOrEqual(100_000);
    for (const name of Object.keys(stores)) expect(bridge.registry.find(name).check()).toEqual([]);
    expect([letters.check(), secret.check()]).toEqual([[], []]);
    expect([letters.paused, secret.counts().ready]).toEqual([false, 1]);
    const counted = countsOf(letters);
    expect(counted.waiting).toBeGreaterThan(0);
    letters.check({ repair: true });
    expect(countsOf(letters)).toEqual(counted);
    expect((await memoryInUse()) - memory).toBeLessThan(24 * 2 ** 20);
  });

  it('is answered in order and at once with NOT_ALLOWED for another’s store, whatever path leads there', async () => {
    using bridge = openBridge({ stores, grant });
    bridge.cacheInMain('secret').set('word', SECRET);
    const port = bridge.rawPort();
    const ways = [
      'secret',
      '../secret',
      'api/../secret',
      '@window',
      'default',
      '*',
      '__proto__',
      'constructor',
      'SECRET',
    ];
    const operations = ways.map((name) => [name, 'get', 'word']);
    const [answer] = (await talk(port, [[1, operations]], 2)) as [[number, unknown[], [number, unknown][]]];
    expect(answer[2].map(([place]) => place).sort()).toEqual([...ways.keys()]);
    for (const [, error] of answer[2]) expect(error).toMatchObject({ code: 'NOT_ALLOWED' });
  });

  it('writes as many bytes as it was granted, and no more', async () => {
    using bridge = openBridge({ stores, grant: { stores: { '*': 'admin' }, bytes: 100_000 } });
    const { diskCache } = bridge;
    await diskCache.set('a', new Uint8Array(60_000));
    await expect(diskCache.set('b', new Uint8Array(60_000))).rejects.toThrow(/was granted 100000 bytes/);
    await expect(diskCache.batch([{ set: ['b', 'x'.repeat(60_000)] }])).rejects.toMatchObject({ code: 'TOO_LARGE' });
    await diskCache.deque('outbox').push('x'.repeat(30_000));
    await expect(diskCache.index('settings').set('k', 'x'.repeat(30_000))).rejects.toMatchObject({ code: 'TOO_LARGE' });
    expect(await diskCache.get('a')).toHaveLength(60_000);
    expect(await diskCache.has('b')).toBe(false);
  });
});
