import { describe, expect, it } from 'vitest';
import { benchmark as bridge } from '../../bench/bridge.ts';
import { benchmark as get } from '../../bench/get.ts';
import { QUICK_SCALE } from '../../bench/harness/benchmark.ts';
import type { Store } from '../../bench/harness/fixtures.ts';
import { drawIndices, shuffleIndices, toKey, Values } from '../../bench/harness/keys-and-values.ts';
import { runBenchmark } from '../../bench/harness/measure.ts';
import { TRACES } from '../../bench/harness/traces.ts';
import { timeDeletes, timeGets, timeSets } from '../../bench/harness/workload.ts';

const values = new Values('text', 100);
const indices = shuffleIndices(0, 50, 1);

/** A store in a Map, with one method that does something else. */
function createBrokenStore(other: Partial<Store>): Store {
  const items = new Map<string, unknown>(Array.from(indices, (index) => [toKey(index), values.at(index)]));
  return {
    get: (key) => items.get(key),
    set: (key, value) => void items.set(key, value),
    delete: (key) => items.delete(key),
    transact: (work) => work(),
    ...other,
  };
}

describe('a figure is reported only for work with the right result', () => {
  it('of a working store', () => {
    expect(timeGets(createBrokenStore({}), values, indices)).toBeGreaterThan(0);
    expect(timeSets(createBrokenStore({}), values, indices, 1)).toBeGreaterThan(0);
    expect(timeDeletes(createBrokenStore({}), indices)).toBeGreaterThan(0);
  });

  it('not of gets that return another value', () => {
    expect(() => timeGets(createBrokenStore({ get: () => values.at(999) }), values, indices)).toThrow('came back as');
  });

  it('not of gets that return less', () => {
    expect(() => timeGets(createBrokenStore({ get: () => '' }), values, indices)).toThrow('gave 0 bytes');
  });

  it('not of sets that were not executed', () => {
    expect(() => timeSets(createBrokenStore({ set: () => {} }), values, indices, 1)).toThrow('came back as');
  });

  it('not of deletes that were not executed', () => {
    expect(() => timeDeletes(createBrokenStore({ delete: () => true }), indices)).toThrow('after it was deleted');
    expect(() => timeDeletes(createBrokenStore({ delete: () => false }), indices)).toThrow('deleted 0');
  });
});

describe('the workload of the benchmarks', () => {
  it('is the same in every run', () => {
    expect([...drawIndices(5, 1000, 1)]).toEqual([...drawIndices(5, 1000, 1)]);
    expect([...drawIndices(50, 1000, 1)]).not.toEqual([...drawIndices(50, 1000, 2)]);
    expect([...shuffleIndices(10, 20, 3)].sort()).toEqual([10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
  });

  it('has different values of the requested length', () => {
    expect(values.at(0)).toHaveLength(100);
    expect(values.at(0)).not.toBe(values.at(1));
    expect(new Values('bytes', 100).at(7)).toEqual(new TextEncoder().encode(values.at(7) as string));
  });

  it.each(TRACES)('$name has the requested length, with scans of keys that are requested once', ({ trace, name }) => {
    const requests = trace(4000, 100, 1);
    expect(requests).toHaveLength(4000);
    if (!name.endsWith('and scans')) return;
    const scanned = requests.filter((item) => item >= 1000);
    expect(scanned.length).toBeGreaterThan(0);
    expect(new Set(scanned).size).toBe(scanned.length);
  });
});

describe('a benchmark on a small scale', () => {
  it.each([get, bridge])('$name measures', async (question) => {
    const { results } = await runBenchmark(question, QUICK_SCALE);
    const figures = results.flatMap(({ lines }) => lines.map(({ figure }) => figure));
    expect(figures.length).toBeGreaterThan(3);
    for (const figure of figures) {
      if ('skipped' in figure) expect(figure.skipped).toContain('not installed');
      else expect(figure.median).toBeGreaterThan(0);
    }
  });
});
