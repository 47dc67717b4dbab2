import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RemoteDeque, RemoteIndex } from '../../client/remote.ts';
import { defineStores, deque, index } from '../../protocol/stores.ts';
import { errorMatching } from '../matchers.ts';
import { collectItems } from '../suites/async-cache.ts';
import { openBridge } from './bridge-fixture.ts';

const stores = defineStores({
  settings: index<string, unknown>({ durability: 'process' }),
  outbox: deque<unknown>({ durability: 'process' }),
});

/** What a page does to a remote store and to a plain one, each with its answer. */
type Step<Remote, Plain> = readonly [
  name: string,
  remote: (it: Remote) => Promise<unknown>,
  plain: (it: Plain) => unknown,
];

async function walk<Remote, Plain>(
  steps: readonly Step<Remote, Plain>[],
  remote: Remote,
  plain: Plain,
): Promise<number> {
  for (const [name, ofRemote, ofPlain] of steps) {
    const [answer, expected] = [await ofRemote(remote), ofPlain(plain)];
    if (!isDeepStrictEqual(answer, expected)) expect({ name, answer }).toEqual({ name, answer: expected });
  }
  return steps.length;
}

const value = fc.oneof(fc.integer({ min: 0, max: 5 }), fc.constantFrom<unknown>(undefined, null, -0, 10n, 'text', [1]));
const at = fc.integer({ min: -8, max: 8 });
const equalTo = (wanted: unknown) => (it: unknown) => isDeepStrictEqual(it, wanted);
const place = (array: readonly unknown[], n: number) => (n < 0 ? n + array.length : n);

type DequeStep = Step<RemoteDeque, unknown[]>;
const dequeStep: fc.Arbitrary<DequeStep> = fc.oneof(
  fc
    .array(value, { maxLength: 4 })
    .chain((all) =>
      fc.constantFrom<DequeStep>(
        ['push', (it) => it.push(...all), (it) => it.push(...all)],
        ['unshift', (it) => it.unshift(...all), (it) => it.unshift(...all)],
        ['extend', (it) => it.extend(new Set(all)), (it) => it.push(...new Set(all))],
        ['equals', (it) => it.equals(all), (it) => isDeepStrictEqual(it, all)],
      ),
    ),
  fc.constantFrom<DequeStep>(
    ['pop', (it) => it.pop(), (it) => it.pop()],
    ['shift', (it) => it.shift(), (it) => it.shift()],
    ['peek', (it) => it.peek(), (it) => it[0]],
    ['peek back', (it) => it.peek({ side: 'back' }), (it) => it.at(-1)],
    ['length', (it) => it.length, (it) => it.length],
    ['values', async (it) => await it.values(), (it) => [...it]],
    ['reversed', async (it) => await it.reversed(), (it) => it.toReversed()],
    ['iteration', (it) => collectItems(it), (it) => [...it]],
    ['reverse', (it) => it.reverse(), (it) => void it.reverse()],
    ['check', (it) => it.check(), () => []],
  ),
  fc.tuple(value, at).chain(([v, n]) =>
    fc.constantFrom<DequeStep>(
      ['at', (it) => it.at(n), (it) => it.at(n)],
      ['indexOf', (it) => it.indexOf(v), (it) => it.findIndex(equalTo(v))],
      ['includes', (it) => it.includes(v), (it) => it.some(equalTo(v))],
      ['count', (it) => it.count(v), (it) => it.filter(equalTo(v)).length],
      ['delete', (it) => it.delete(n), (it) => n < it.length && n >= -it.length && it.splice(n, 1).length === 1],
      ['splice', (it) => it.splice(n, 2), (it) => it.splice(n, 2)],
      ['rotate', (it) => it.rotate(n), (it) => rotateArray(it, n)],
      [
        'set',
        (it) =>
          it.set(n, v).then(
            () => 'done',
            (error: { code?: string }) => error.code,
          ),
        (it) => {
          if (n >= it.length || n < -it.length) return 'BAD_OPTION';
          it[place(it, n)] = v;
          return 'done';
        },
      ],
    ),
  ),
);
function rotateArray(array: unknown[], count: number): void {
  const steps = array.length === 0 ? 0 : ((count % array.length) + array.length) % array.length;
  array.unshift(...array.splice(array.length - steps, steps));
}

const last = (map: Map<string, unknown>) => [...map].at(-1);
const takeEntry = (map: Map<string, unknown>, entry: [string, unknown] | undefined) => {
  if (entry) map.delete(entry[0]);
  return entry;
};
type IndexStep = Step<RemoteIndex<string>, Map<string, unknown>>;
const indexStep: fc.Arbitrary<IndexStep> = fc
  .tuple(fc.constantFrom('a', 'b', 'ba', 'c', 'd'), value)
  .chain(([key, v]) =>
    fc.constantFrom<IndexStep>(
      ['set', (it) => it.set(key, v), (it) => void it.set(key, v)],
      ['setMany', (it) => it.setMany(new Map([[key, v]])), (it) => void it.set(key, v)],
      ['setDefault', (it) => it.setDefault(key, v), (it) => (it.has(key) ? it.get(key) : it.set(key, v).get(key))],
      ['get', (it) => it.get(key), (it) => it.get(key)],
      ['getMany', (it) => it.getMany(new Set([key, 'none'])), (it) => [it.get(key), undefined]],
      ['has', (it) => it.has(key), (it) => it.has(key)],
      ['delete', (it) => it.delete(key), (it) => it.delete(key)],
      ['pop', (it) => it.pop(key), (it) => [it.get(key), it.delete(key)][0]],
      ['popItem', (it) => it.popItem(), (it) => takeEntry(it, last(it))],
      ['popItem first', (it) => it.popItem({ last: false }), (it) => takeEntry(it, [...it][0])],
      ['peekItem', (it) => it.peekItem(), (it) => last(it)],
      ['size', (it) => it.size, (it) => it.size],
      ['iteration', (it) => collectItems(it), (it) => [...it]],
      ['keys', async (it) => await it.keys({ prefix: 'b' }), (it) => [...it.keys()].filter((k) => k.startsWith('b'))],
      ['values', async (it) => await it.values({ reverse: true }), (it) => [...it.values()].reverse()],
      ['entries', async (it) => await it.entries({ limit: 2 }), (it) => [...it].slice(0, 2)],
      ['equals', (it) => it.equals([['a', 1]]), (it) => isDeepStrictEqual([...it], [['a', 1]])],
    ),
  );

const runs = { numRuns: 6 };
const steps = { minLength: 60, maxLength: 120 };

describe('a page', () => {
  it('has an array in a deque of the main process', async () => {
    const property = fc.asyncProperty(fc.array(dequeStep, steps), async (taken) => {
      using bridge = openBridge({ stores });
      await walk(taken, bridge.diskCache.deque('outbox'), []);
    });
    await fc.assert(property, runs);
  });

  it('has a Map in an index of the main process', async () => {
    const property = fc.asyncProperty(fc.array(indexStep, steps), async (taken) => {
      using bridge = openBridge({ stores });
      await walk(taken, bridge.diskCache.index<string>('settings'), new Map());
    });
    await fc.assert(property, runs);
  });

  it('reaches each by its declaration, though it knows no more than the types', async () => {
    using bridge = openBridge({ stores });
    const app = bridge.diskCache.as<typeof stores>();
    expect(await app.outbox.push('a', 'b', 'c')).toBe(3);
    await app.outbox.set(-1, 'd');
    expect([await app.outbox.length, await app.outbox.maxLength, await app.outbox]).toEqual([
      3,
      Number.POSITIVE_INFINITY,
      app.outbox,
    ]);
    expect(await collectItems(app.outbox)).toEqual(['a', 'b', 'd']);
    await app.settings.set('theme', { dark: true });
    expect(await collectItems(app.settings)).toEqual([['theme', { dark: true }]]);
    expect(await app.settings.size).toBe(1);
    expect(await bridge.diskCache.as<{ default: ReturnType<typeof index> }>().default.size).toBe(0);
  });

  it('reads a long deque page by page, both ways, bounded in items and in bytes', async () => {
    using bridge = openBridge({ stores });
    const outbox = bridge.diskCache.deque<string>('outbox');
    const numbers = Array.from({ length: 1300 }, (_, n) => String(n));
    await outbox.extend(numbers);
    expect(await outbox.values()).toEqual(numbers);
    expect(await outbox.reversed()).toEqual(numbers.toReversed());
    const page = (await bridge.callOnNewSession('outbox', 'page', 'values', {})) as { items: unknown[]; next: unknown };
    expect(page.items).toHaveLength(512);
    await outbox.clear();
    await outbox.extend(Array.from({ length: 8 }, () => 'x'.repeat(200_000)));
    const bounded = (await bridge.callOnNewSession('outbox', 'page', 'values', {})) as {
      items: unknown[];
      next: unknown;
    };
    expect(bounded.items).toHaveLength(3);
    expect(await outbox.values()).toHaveLength(8);
  });

  it('gets an error for methods that a kind lacks, and for values that a schema refuses', async () => {
    const schema = {
      '~standard': {
        version: 1 as const,
        validate: (value: unknown) =>
          typeof value === 'number' ? { value } : { issues: [{ message: 'has to be a number' }] },
      },
    };
    using bridge = openBridge({ stores: { ...stores, sizes: index<string, number>({ schema }) } });
    await expect(bridge.diskCache.cache('outbox').get('k')).rejects.toEqual(errorMatching('NOT_ALLOWED'));
    await expect(bridge.diskCache.deque('settings').shift()).rejects.toThrow(/"shift" on the index "settings"/);
    const sizes = bridge.diskCache.index<string, unknown>('sizes');
    await expect(sizes.set('a', 'large')).rejects.toThrow(/has to be a number/);
    await sizes.set('a', 5);
    expect(await sizes.get('a')).toBe(5);
  });
});
