import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import { PINNED, type PinnedOptions } from '../../main/engine/state/settings.ts';
import { withReadBudget } from '../../main/engine/values/read-budget.ts';
import type { EvictionPolicyName } from '../../protocol/options.ts';
import { createManualClock } from './engine-fixture.ts';
import { freshDirectory } from './fresh-directory.ts';

const ITEMS = 16_000;
const VALUE = 'x'.repeat(200);
const POLICIES: readonly EvictionPolicyName[] = [
  'least-recently-stored',
  'least-recently-used',
  'least-frequently-used',
  'sieve',
];

/** A cache that is far over its limit, with items that were read, stored again or pinned. */
function openOverfull(evictionPolicy: EvictionPolicyName): Cache<number, string> {
  const { clock, advance } = createManualClock();
  // What a worker thread has not copied yet of the log would count as used, in one of the stores more than in the other.
  const options = { clock, evictionPolicy, memory: 0, workerThread: false } as const;
  const cache = new Cache<number, string>(freshDirectory(), options);
  cache.transact(() => {
    for (let n = 0; n < ITEMS; n++)
      cache.set(
        Math.imul(n, 2_654_435_761) >>> 0,
        `${n}${VALUE}`,
        n % 50 === 7 ? ({ [PINNED]: true } as PinnedOptions) : {},
      );
  });
  advance(5);
  const keys = [...cache.keys()];
  for (const [nth, key] of keys.entries()) if (nth % 5 === 2) cache.get(key);
  advance(5);
  for (const [nth, key] of keys.entries()) if (nth % 1000 === 3) cache.set(key, `${nth}${VALUE}`);
  cache.configure({ sizeLimit: 2 * 2 ** 20 });
  return cache;
}

const readRows = (directory: string, sql: string): readonly (readonly number[])[] => {
  const database = new Database(join(directory, 'cache.db'), { readonly: true });
  try {
    return database.prepare(sql).raw().all() as number[][];
  } finally {
    database.close();
  }
};

const ORDERS: Readonly<Record<string, string>> = {
  'least-recently-stored': 'stored_at',
  'least-recently-used': 'used_at',
  'least-frequently-used': 'hits, used_at',
};

describe.each(POLICIES)('cull far over the limit, %s', (policy) => {
  it('evicts as much as in small steps, and spares what is pinned', () => {
    using atOnce = openOverfull(policy);
    using inSteps = openOverfull(policy);
    const evicted = atOnce.cull();
    const expected = withReadBudget({ bytes: Number.POSITIVE_INFINITY }, () => inSteps.cull());
    expect(evicted).toBeGreaterThan(2048);
    expect(Math.abs(evicted - expected)).toBeLessThan(expected / 8);
    expect(atOnce.size).toBe(ITEMS - evicted);
    expect(atOnce.volume()).toBeLessThanOrEqual(2 * 2 ** 20);
    expect(atOnce.check()).toEqual([]);
    const pinned = "SELECT count(*) FROM entry WHERE tag = x'6B657074'";
    expect(readRows(atOnce.directory, pinned)).toEqual([[ITEMS / 50]]);
    expect(atOnce.cull()).toBe(0);
  });

  it('evicts the first items of the order', () => {
    using cache = openOverfull(policy);
    using reference = openOverfull(policy);
    cache.cull();
    withReadBudget({ bytes: Number.POSITIVE_INFINITY }, () => reference.cull());
    // Reads that are not on disk yet are written.
    cache.close();
    reference.close();
    // Of two stores of the same history, one has all the items that the other one has, and some more.
    const read = ({ directory }: Cache) => new Set(readRows(directory, 'SELECT key FROM entry').map(String));
    const [less, more] = [read(cache), read(reference)].sort((a, b) => a.size - b.size) as [Set<string>, Set<string>];
    expect([...less].filter((key) => !more.has(key))).toEqual([]);
    const order = ORDERS[policy];
    if (order === undefined) return;
    const rows = readRows(cache.directory, `SELECT id FROM entry WHERE tag IS NULL ORDER BY ${order}`);
    const all = readRows(reference.directory, `SELECT id FROM entry WHERE tag IS NULL ORDER BY ${order}`);
    const shorter = Math.min(rows.length, all.length);
    expect(shorter).toBeGreaterThan(100);
    expect(rows.slice(-shorter).join()).toBe(all.slice(-shorter).join());
  });
});
