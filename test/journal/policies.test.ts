import { expect, it, vi } from 'vitest';
import { Statement } from '../../main/engine/sqlite/connection.ts';
import type { CacheOptions } from '../../protocol/options.ts';
import { createRandom } from '../crash/random-writes.ts';
import { createManualClock } from '../engine/engine-fixture.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { openJournaled, withDatabase } from './journal-fixture.ts';

const POLICIES = ['least-recently-used', 'least-frequently-used', 'sieve'] as const;

it.each(POLICIES)('reading a pending item applies nothing under %s, and counts', (evictionPolicy) => {
  using cache = openJournaled(freshDirectory(), { evictionPolicy, clock: () => 5000 });
  cache.set('a', 1);
  cache.set('first', 2);
  const runs = vi.spyOn(Statement.prototype, 'run');
  expect([cache.get('a'), cache.get('a'), cache.get('first'), cache.has('a')]).toEqual([1, 1, 2, true]);
  expect(cache.getEntry('a')).toMatchObject({ value: 1, hits: evictionPolicy === 'sieve' ? expect.any(Number) : 2 });
  expect(runs).not.toHaveBeenCalled();
  runs.mockRestore();
  const before = [cache.getEntry('a'), cache.getEntry('first')];
  expect(cache.size).toBe(2);
  expect([cache.getEntry('a'), cache.getEntry('first')]).toEqual(before);
});

/** The rows in the order of the policy's columns, with what counts for it. */
const readRows = (directory: string, hasTimes: boolean): unknown[] =>
  withDatabase(directory, (database) =>
    database
      .prepare(
        `SELECT key, hits, visited, ${hasTimes ? 'floor(used_at)' : 0}, floor(stored_at), value FROM entry ORDER BY id`,
      )
      .raw()
      .all(),
  );

it.each(POLICIES)('the same reads count as without a journal: %s', (evictionPolicy) => {
  // With memory a store that others may open stamps reads with the time of its last look at them.
  for (const memory of [0, 1_000_000]) {
    const random = createRandom(memory + 5);
    const draw = (limit: number) => Math.floor(random() * limit);
    const { clock, advance } = createManualClock();
    const options: CacheOptions = { evictionPolicy, clock, memory };
    const journaled = openJournaled(freshDirectory(), options);
    const direct = openJournaled(freshDirectory(), { ...options, exclusive: false });
    for (let step = 0; step < 1200; step++) {
      const [dice, key, other] = [draw(100), `k${draw(25)}`, `k${draw(25)}`];
      const [first, second] = [journaled, direct].map((cache) => {
        if (dice < 40) return cache.get(key);
        if (dice < 70) return cache.set(key, step);
        if (dice < 78) return cache.delete(key);
        if (dice < 84) return { ...cache.getEntry(key), ...(memory > 0 && { accessedAt: 0 }) };
        if (dice < 90)
          return cache.transact(() => [cache.set(key, step), cache.get(other), cache.get(key), cache.delete(other)]);
        if (dice < 91) return cache.size;
        return [cache.has(key), cache.get(other)];
      });
      expect(first).toEqual(second);
      advance(draw(3));
    }
    journaled.close();
    direct.close();
    expect(readRows(journaled.directory, memory === 0)).toEqual(readRows(direct.directory, memory === 0));
  }
});
