import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { isExpansionBomb } from '../../main/bridge/gate.ts';
import { cache, deque, index } from '../../protocol/stores.ts';
import { openBridge } from './bridge-fixture.ts';

const stores = { api: cache(), settings: index(), outbox: deque() };

// Small enough for a main process that lets them in to come to an end, and large enough to be refused.
const createSparseArray = (length = 50_000): unknown[] => {
  const array: unknown[] = [];
  array.length = length;
  return array;
};
const createDoublingValue = (levels = 21): unknown => {
  let part: unknown = { leaf: 1 };
  for (let n = 0; n < levels; n++) part = n % 2 ? [part, part] : { one: part, other: part };
  return part;
};
const numbers = Array.from({ length: 10_000 }, (_, n) => n);

describe('a message that expands to far more than its size', () => {
  it.each<[string, unknown[]]>([
    ['a value of holes', ['api', 'set', 'k', createSparseArray()]],
    [
      'holes deep within a value',
      ['api', 'set', 'k', new Map([[1, { a: new Set([new Error('e', { cause: createSparseArray() })]) }]])],
    ],
    ['many values of some holes', ['api', 'set', 'k', Array.from({ length: 20 }, () => createSparseArray(1000))]],
    ['keys', ['api', 'getMany', createSparseArray()]],
    ['options', ['api', 'set', 'k', 1, createSparseArray()]],
    ['arguments', Object.assign(createSparseArray(), { 0: 'outbox', 1: 'push' })],
    ['steps', ['api', 'batch', createSparseArray()]],
    [
      'a value that is compared with its like',
      ['api', 'batch', [{ set: ['k', createDoublingValue()] }, { if: { key: 'k', equals: 1 } }]],
    ],
    ['a value that is looked for', ['outbox', 'indexOf', createDoublingValue()]],
    ['the same step over and over', ['api', 'batch', new Array(1000).fill({ getMany: [numbers] })]],
    ['a long name over and over', ['outbox', 'extend', new Array(100).fill({ ['n'.repeat(2 ** 20)]: 1 })]],
    ['a long message over and over', ['outbox', 'extend', new Array(100).fill(new Error('m'.repeat(2 ** 20)))]],
    ['a long expression over and over', ['outbox', 'extend', new Array(100).fill(new RegExp('e'.repeat(2 ** 20)))]],
    ['the same bytes over and over', ['outbox', 'extend', new Array(70).fill(new Uint8Array(2 ** 20))]],
  ])('is refused: %s', async (_, operation) => {
    using bridge = openBridge({ stores });
    const port = bridge.rawPort();
    port.postMessage([1, [operation]]);
    const [answer] = await once(port, 'message');
    expect(answer).toEqual([1, { refused: { code: 'TOO_LARGE', message: expect.stringContaining('holes') } }]);
    port.postMessage([2, [['api', 'has', 'k']]]);
    expect((await once(port, 'message'))[0]).toEqual([2, [false], []]);
  });

  it('is refused where it is rare, too', async () => {
    using bridge = openBridge({ stores });
    const port = bridge.rawPort();
    const value = { id: 1, store: 'api', range: { prefix: createSparseArray() } };
    port.postMessage({ id: 'w', type: 'APPLY', path: ['watch'], argumentList: [{ type: 'RAW', value }] });
    expect((await once(port, 'message'))[0]).toMatchObject({ id: 'w', value: { refused: { code: 'NOT_ALLOWED' } } });
  });

  it('accepts ordinary values: some holes, cycles, shared parts, large values', () => {
    const cycle: unknown[] = [1];
    cycle.push(cycle, { cycle });
    const [row, bytes] = [{ style: 'bold', size: 12 }, new Uint8Array(100_000)];
    for (const honest of [
      createSparseArray(5000),
      [cycle, cycle],
      Array.from({ length: 100_000 }, (_, id) => ({ id, row })),
      Array.from({ length: 500 }, (_, key) => [key, bytes]),
      Array.from({ length: 300_000 }, (_, n) => [n, String(n)]),
      [new Uint8Array(60_000_000)],
      createDoublingValue(10) as object,
    ]) {
      expect(isExpansionBomb(honest)).toBe(false);
    }
  });
});
