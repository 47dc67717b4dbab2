import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Cache, type Change, Deque, Index } from '../../main/engine/index.ts';
import { createManualClock } from '../engine/engine-fixture.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { openJournaled, readJournalBytes } from './journal-fixture.ts';

type Store = Cache<string, unknown>;

const key = fc.constantFrom('a', 'b', 'c', 'd');
const ttl = fc.option(fc.integer({ min: 1, max: 50 }), { nil: undefined });

/** A step that does the same to any store. */
interface Step {
  readonly name: string;
  run(store: Store): unknown;
}

const step = (name: string, run: (store: Store) => unknown): Step => ({ name, run });
const toOptions = (ttl: number | undefined) => (ttl === undefined ? {} : { ttl });

const single: fc.Arbitrary<Step> = fc.oneof(
  fc
    .tuple(key, fc.nat(), ttl)
    .map(([key, value, ttl]) => step(`set ${key}`, (it) => it.set(key, value, toOptions(ttl)))),
  key.map((key) => step(`delete ${key}`, (it) => it.delete(key))),
  fc.tuple(key, ttl).map(([key, ttl]) => step(`touch ${key}`, (it) => it.touch(key, toOptions(ttl)))),
  key.map((key) => step(`get ${key}`, (it) => it.get(key))),
  key.map((key) => step(`pop ${key}`, (it) => it.pop(key))),
  fc.tuple(key, fc.nat()).map(([key, value]) => step(`add ${key}`, (it) => it.add(key, value))),
  fc.array(key).map((keys) => step('setMany', (it) => it.setMany(keys.map((key) => [key, 1] as const)))),
  fc.array(key).map((keys) => step('deleteMany', (it) => it.deleteMany(keys))),
  fc.constant(step('read all', (it) => [...it.entries({ order: 'key' })])),
  fc.constant(step('large', (it) => it.set('large', 'x'.repeat(20_000)))),
  fc.constant(step('expire', (it) => it.expire())),
  fc.constant(step('clear', (it) => it.clear())),
);

const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: single },
  {
    weight: 2,
    arbitrary: fc.array(single, { maxLength: 5 }).map((inner) =>
      step(`transact ${inner.map(({ name }) => name).join(', ')}`, (it) =>
        it.transact(() => {
          for (const { run } of inner) run(it);
        }),
      ),
    ),
  },
);

/** What each key has become, and how often something was told of it. */
const format = ({ kind, key }: Change): string => (key === undefined ? kind : `${kind} ${String(key)}`);

describe('listeners of a store with a journal', () => {
  it('are told what those of a store without one are told, in its order', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(steps, fc.integer({ min: 0, max: 20 })), { maxLength: 40 }), (run) => {
        const { clock, advance } = createManualClock();
        using journaled = new Cache<string, unknown>(freshDirectory(), { exclusive: true, clock });
        using plain = new Cache<string, unknown>(freshDirectory(), { clock });
        const told: string[][] = [[], []];
        for (const [nth, store] of [journaled, plain].entries())
          store.subscribe((change) => told[nth]!.push(format(change)));
        for (const [{ run: work, name }, pause] of run) {
          // Which items are deleted because they have expired depends on when the database is written to.
          for (const store of [journaled, plain]) store.expire();
          const results = [journaled, plain].map((store) => work(store));
          expect(results[0], name).toEqual(results[1]);
          expect(told[0], name).toEqual(told[1]);
          advance(pause);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('are told at the set, and it is still in the journal', () => {
    using cache = openJournaled();
    const told: unknown[] = [];
    cache.subscribe(({ kind, key, value }) => told.push([kind, key, value, cache.get(String(key))]), { values: true });
    const before = readJournalBytes(cache);
    for (let n = 0; n < 100; n++) cache.set(`key ${n}`, n);
    expect(told).toEqual(Array.from({ length: 100 }, (_, n) => ['set', `key ${n}`, n, n]));
    expect(readJournalBytes(cache) - before).toBeGreaterThan(100 * 64);
  });

  it('are not told again when it is applied', () => {
    using cache = openJournaled();
    const told: string[] = [];
    cache.subscribe((change) => told.push(format(change)));
    cache.set('a', 1);
    cache.delete('first');
    expect([...cache.keys()]).toEqual(['a']);
    cache.set('b', 'x'.repeat(20_000));
    expect(told).toEqual(['set a', 'delete first', 'set b']);
  });

  it('write, and are told of that after all that they were told of', () => {
    using cache = openJournaled();
    const told: string[] = [];
    cache.subscribe((change) => {
      told.push(format(change));
      if (change.kind === 'set' && String(change.key).length === 1) cache.set(`${change.key}'`, 1);
    });
    cache.transact(() => {
      cache.set('a', 1);
      cache.set('b', 1);
    });
    cache.set('c', 1);
    expect(told).toEqual(['set a', 'set b', "set a'", "set b'", 'set c', "set c'"]);
  });

  it('are told nothing of what was rolled back, or could not be written', () => {
    using cache = openJournaled();
    const told: string[] = [];
    cache.subscribe((change) => told.push(format(change)));
    expect(() =>
      cache.transact(() => {
        cache.set('a', 1);
        throw new Error('no');
      }),
    ).toThrow('no');
    cache.set('b', 1);
    expect(told).toEqual(['set b']);
  });

  it('may close the store', () => {
    const cache = openJournaled();
    cache.subscribe(() => cache.close());
    cache.set('a', 1);
    expect(() => cache.get('a')).toThrow(/closed/);
    using again = new Cache<string, unknown>(cache.directory);
    expect(again.get('a')).toBe(1);
  });

  it('of a deque see the deque as it is after the change', () => {
    using deque = new Deque<number>(freshDirectory(), { exclusive: true, maxLength: 2 });
    const lengths: unknown[] = [];
    deque.subscribe(({ kind }) => lengths.push([kind, [...deque]]));
    deque.push(1, 2);
    lengths.length = 0;
    deque.push(3);
    deque.shift();
    expect(lengths).toEqual([
      ['set', [2, 3]],
      ['delete', [2, 3]],
      ['delete', [3]],
    ]);
  });

  it('of an index are told of each change of a transaction', () => {
    using index = new Index<string, number>(freshDirectory(), { exclusive: true });
    const told: string[] = [];
    index.subscribe((change) => told.push(format(change as Change)));
    index.transact(() => {
      index.set('a', 1);
      index.set('a', (index.get('a') ?? 0) + 1);
      index.delete('a');
      index.set('b', 1);
    });
    expect(told).toEqual(['set a', 'set a', 'delete a', 'set b']);
  });
});
