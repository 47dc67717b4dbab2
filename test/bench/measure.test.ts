import { describe, expect, it } from 'vitest';
import type { Benchmark, Comparison, Contender } from '../../bench/harness/benchmark.ts';
import { formatReport, formatSummary } from '../../bench/harness/format-text.ts';
import { runBenchmark } from '../../bench/harness/measure.ts';

const ROUNDS = 5;
const SCALE = { keys: 1, many: 1, operations: 1, rounds: ROUNDS, huge: 0 };

const createBenchmark = (...comparisons: Comparison[]): Benchmark => ({
  name: 'n',
  asks: 'q',
  async *comparisons() {
    yield* comparisons;
  },
});

/** Figures round by round; the first is the warm-up's. */
const createContender = (name: string, figures: readonly number[]): Contender => ({
  name,
  round: (number) => figures[number]!,
});

const goal = { subject: 'a', against: 'b', atMost: 1.5 };

function comparison(contenders: Comparison['contenders'], goals: Comparison['goals'] = [goal]): Comparison {
  return { title: 't', unit: 'µs', contenders, goals };
}

async function getVerdict(a: readonly number[], b: readonly number[], asked: Comparison['goals'][number] = goal) {
  const { results } = await runBenchmark(
    createBenchmark(comparison([createContender('a', a), createContender('b', b)], [asked])),
    SCALE,
  );
  return results[0]!.verdicts[0]!;
}

describe('a benchmark result', () => {
  it('is the median of the rounds, without the warm-up', async () => {
    const { results } = await runBenchmark(
      createBenchmark(comparison([createContender('a', [999, 5, 1, 4, 2, 3])], [])),
      SCALE,
    );
    expect(results[0]!.lines).toEqual([{ name: 'a', figure: { median: 3, least: 1, most: 5 } }]);
  });

  it('is compared round by round, so that a moment that is slow for both does not count', async () => {
    const { ratio, met } = await getVerdict([0, 10, 10, 100, 10, 10], [0, 10, 10, 100, 10, 10]);
    expect(ratio).toEqual({ median: 1, least: 1, most: 1 });
    expect(met).toBe(true);
  });

  it('says by how much a goal is missed', async () => {
    expect((await getVerdict([0, 15, 15, 15, 15, 15], [0, 10, 10, 10, 10, 10])).met).toBe(true);
    expect((await getVerdict([0, 16, 16, 16, 16, 16], [0, 10, 10, 10, 10, 10])).met).toBe(false);
  });

  it('says how many times faster a contender is', async () => {
    const faster = { subject: 'a', against: 'b', timesFaster: 4 };
    const { ratio, met } = await getVerdict([0, 2, 2, 2, 2, 2], [0, 10, 10, 10, 10, 10], faster);
    expect(ratio).toMatchObject({ median: 5 });
    expect(met).toBe(true);
    expect((await getVerdict([0, 3, 3, 3, 3, 3], [0, 10, 10, 10, 10, 10], faster)).met).toBe(false);
  });

  it('runs the contenders in turn, starting each round with another one', async () => {
    const order: string[] = [];
    const noted = (name: string): Contender => ({
      name,
      round: (number) => {
        order.push(`${name}${number}`);
        return 1;
      },
    });
    await runBenchmark(createBenchmark(comparison([noted('a'), noted('b')])), { ...SCALE, rounds: 2 });
    expect(order).toEqual(['a0', 'b0', 'b1', 'a1', 'a2', 'b2']);
  });

  it('is never invented for a missing contender', async () => {
    const absent = { name: 'b', skipped: 'not installed' };
    const found = await runBenchmark(
      createBenchmark(comparison([createContender('a', [1, 1, 1, 1, 1, 1]), absent])),
      SCALE,
    );
    expect(found.results[0]!.verdicts[0]).toMatchObject({ met: undefined, ratio: { skipped: 'not installed' } });
    expect(formatReport(found)).toContain('skipped: not installed');
    expect(formatSummary([found])).toContain('0 goals met, 0 missed, 1 skipped');
  });

  it('of a quick run says that its figures do not count', () => {
    expect(formatSummary([], true)).toContain("figures don't count");
    expect(formatSummary([])).not.toContain("figures don't count");
  });

  it('is refused when it is not a number, or when a goal names an unknown contender', async () => {
    await expect(
      runBenchmark(createBenchmark(comparison([createContender('a', [Number.NaN])], [])), SCALE),
    ).rejects.toThrow('measured NaN');
    await expect(
      runBenchmark(createBenchmark(comparison([createContender('a', [1, 1, 1, 1, 1, 1])])), SCALE),
    ).rejects.toThrow('no contender');
  });
});
