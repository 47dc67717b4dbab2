import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { type Cache, type Change, FanoutCache, type Key } from '../../main/engine/index.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import { toKeyId } from '../../protocol/key-id.ts';
import { cache, fanout } from '../../protocol/stores.ts';
import type { ChangeOrReset } from '../../protocol/wire.ts';
import { openBridge } from '../bridge/bridge-fixture.ts';
import { createManualClock } from '../engine/engine-fixture.ts';

/** The steps that change a store. `stop` throws, so that the transaction is rolled back. */
type Step = readonly [name: string, ...args: readonly unknown[]];

const KEYS: readonly Key[] = ['a', 'ab', 7, ['a', 1], ['a', [2, 'x']], { x: 1, y: [] }];
const key = fc.constantFrom(...KEYS);
const value = fc.oneof(
  fc.integer(),
  fc.string({ maxLength: 8 }),
  fc.array(fc.integer(), { maxLength: 3 }),
  fc.constant(undefined),
);
const options = fc.record({ ttl: fc.constantFrom(5, 20), tag: fc.constantFrom('t', 'u') }, { requiredKeys: [] });
const write: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.constant('set'), key, value, options) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('delete'), key) },
  fc.tuple(fc.constant('touch'), key, fc.constantFrom({}, { ttl: 5 }, { ttl: 20 })),
  fc.tuple(fc.constant('pop'), key),
  fc.tuple(fc.constant('evict'), fc.constantFrom('t', 'u')),
  fc.constant<Step>(['clear']),
  fc.constant<Step>(['expire']),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: write },
  { weight: 2, arbitrary: fc.array(write, { maxLength: 5 }).map((steps): Step => ['transact', steps]) },
  fc.array(write, { maxLength: 3 }).map((steps): Step => ['rollback', steps]),
  fc.constantFrom(3, 10).map((ms): Step => ['advance', ms]),
);

function run(store: Cache, advance: (ms: number) => void, [name, ...args]: Step): void {
  const transact = (last: () => void) =>
    store.transact(() => {
      for (const inner of args[0] as Step[]) run(store, advance, inner);
      last();
    });
  if (name === 'advance') advance(args[0] as number);
  else if (name === 'transact') transact(() => {});
  else if (name === 'rollback') {
    const undone = new Error('rolled back');
    const rolledBack = () =>
      transact(() => {
        throw undone;
      });
    expect(rolledBack).toThrow(undone);
  } else (store as unknown as Record<string, (...args: readonly unknown[]) => unknown>)[name]!(...args);
}

/** A copy of a store that is kept by changes with values. */
class Mirror {
  readonly entries = new Map<string | number, readonly [Key, unknown]>();

  apply({ kind, key, value }: Change): void {
    if (kind === 'clear') this.entries.clear();
    else if (kind === 'set') this.entries.set(toKeyId(key!), [key!, value]);
    else this.entries.delete(toKeyId(key!));
  }
}

/** A copy of the values of some keys, which checks the `before` of each change. */
class KnownValues {
  readonly #values = new Map<string | number, unknown>();

  apply({ kind, key, value, before }: Change): void {
    if (kind === 'clear') {
      this.#values.clear();
      return;
    }
    expect(before).toEqual(this.#values.get(toKeyId(key!)));
    if (kind === 'set') this.#values.set(toKeyId(key!), value);
    else this.#values.delete(toKeyId(key!));
  }
}

const settings = { numRuns: 40, interruptAfterTimeLimit: 20_000 };

describe.each([
  ['a cache', cache],
  ['a cache in shards', (given: object) => fanout({ shards: 3, ...given })],
] as const)('a mirror of %s', (name, declare) => {
  it('in main equals the store after every step', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const { clock, advance } = createManualClock();
        using bridge = openBridge({ stores: { api: declare({ clock }) } });
        const store = bridge.cacheInMain('api');
        const [mirror, known] = [new Mirror(), new KnownValues()];
        store.subscribe((change) => mirror.apply(change), { values: true });
        store.subscribe((change) => known.apply(change), { keys: KEYS.slice(0, 3), values: true });
        for (const each of steps) {
          run(store, advance, each);
          store.expire();
          const entries = [...mirror.entries.values()];
          // Shards are read in the order of the clock, which stands still.
          if (store instanceof FanoutCache) expect(new Map(entries)).toEqual(new Map(store.entries()));
          else expect(entries).toEqual([...store.entries()]);
        }
      }),
      settings,
    );
  });

  it('in a page equals the store once it is told of everything, also when changes or connections are lost', async () => {
    const pageStep: fc.Arbitrary<Step> = fc.oneof(
      { weight: 12, arbitrary: step },
      { weight: 3, arbitrary: fc.constant<Step>(['settle']) },
      fc.constant<Step>(['flood']),
      fc.constant<Step>(['disconnect']),
      fc.constant<Step>(['large']),
    );
    let resets = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(pageStep, { maxLength: 25 }), async (steps) => {
        const { clock, advance } = createManualClock();
        using bridge = openBridge({ stores: { api: declare({ clock }) } });
        const store = bridge.cacheInMain('api');
        const api = bridge.diskCache.cache('api');
        const mirror = new Mirror();
        let reading: Promise<void> | undefined;
        let queued: ChangeOrReset[] = [];
        // As a page does: after a reset it reads everything, and then applies the changes that arrived meanwhile.
        const read = async () => {
          const entries = await api.entries();
          mirror.entries.clear();
          for (const [key, value] of entries) mirror.entries.set(toKeyId(key), [key, value]);
          reading = undefined;
          for (const change of queued.splice(0)) receive(change);
        };
        const receive = (change: ChangeOrReset) => {
          if (reading !== undefined) queued.push(change);
          else if (change.kind === 'reset') {
            resets++;
            queued = [];
            reading = read().catch(() => {
              reading = undefined;
              receive({ kind: 'reset' });
            });
          } else mirror.apply(change);
        };
        const failures: unknown[] = [];
        api.subscribe(receive, { values: true, onError: (error) => failures.push(error) });
        const states = api.watchMany();
        let latest: unknown;
        const watching = (async () => {
          for await (const state of states) latest = state;
        })();
        const settle = async () => {
          store.expire();
          // A write is not repeated when its connection is lost.
          await vi.waitFor(() => api.set('last', clock()));
          const expected = new Map([...store.entries()]);
          await vi.waitFor(() => {
            expect(new Map(mirror.entries.values())).toEqual(expected);
            expect(new Map(latest as [Key, unknown][])).toEqual(expected);
          }, 3000);
          if (name === 'a cache') expect(latest).toEqual([...store.entries()]);
        };
        await settle();
        for (const each of steps) {
          if (each[0] === 'settle') await settle();
          else if (each[0] === 'flood') for (let n = 0; n < 1200; n++) store.set('flood'.repeat(50), n);
          else if (each[0] === 'disconnect')
            bridge.sessions.at(-1)?.close(new DiskCacheError('DISCONNECTED', 'The connection was lost'));
          else if (each[0] === 'large') store.set('large', new Uint8Array(70_000));
          else run(store, advance, each);
        }
        await settle();
        expect(failures).toEqual([]);
        await states.return!();
        await watching;
      }),
      { ...settings, numRuns: 15 },
    );
    expect(resets).toBeGreaterThan(0);
  }, 60_000);
});
