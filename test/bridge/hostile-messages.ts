import fc from 'fast-check';
import { ANY_STORE_SIGNATURES, SIGNATURES } from '../../protocol/contract.ts';
import { VALUE_STREAM_SIGNATURES } from '../../protocol/value-stream.ts';

const deep = (levels: number): unknown => {
  let value: unknown = 1;
  for (let n = 0; n < levels; n++) value = n % 2 ? [value] : { value };
  return value;
};
const holes: unknown[] = [];
holes.length = 100_000;
let doubled: unknown = [1];
for (let n = 0; n < 21; n++) doubled = [doubled, doubled];
const cycle: Record<string, unknown> = { a: 1 };
cycle['self'] = cycle;

const names = [
  ...Object.keys(ANY_STORE_SIGNATURES),
  ...Object.keys(SIGNATURES.queue),
  ...Object.keys(VALUE_STREAM_SIGNATURES),
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
    holes,
    doubled,
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
const subscribeOptions = fc.record(
  { key: oddValue, keys: oddValue, prefix: oddValue, values: fc.oneof(fc.constant(true), oddValue) },
  { requiredKeys: [] },
);
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
          value: fc.oneof(fc.record({ id, store, range: fc.oneof(oddValue, subscribeOptions) }), oddValue),
        }),
        { maxLength: 2 },
      ),
      oddValue,
    ),
  },
  { requiredKeys: [] },
);
/** What a page that was taken over posts: nearly a request, nearly a call of comlink's, or anything. */
export const hostileMessage = fc.oneof(
  { weight: 5, arbitrary: request },
  { weight: 3, arbitrary: comlink },
  oddValue,
  fc.anything(),
);
