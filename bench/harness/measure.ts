import type { Benchmark, Comparison, Contender, Goal, Scale, Unit } from './benchmark.ts';

/** A median with the range it was taken from. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** A contender's figures over the rounds, or why there are none. */
export interface ContenderFigure {
  readonly name: string;
  readonly figure: Spread | { readonly skipped: string };
}

/** A goal held against the rounds: the ratio of each round, never a ratio of medians from different moments. */
export interface Verdict {
  readonly goal: Goal;
  readonly ratio: Spread | { readonly skipped: string };
  readonly met: boolean | undefined;
}

export interface ComparisonResult {
  readonly title: string;
  readonly unit: Unit;
  readonly rounds: number;
  readonly lines: readonly ContenderFigure[];
  readonly verdicts: readonly Verdict[];
}

export interface BenchmarkReport {
  readonly name: string;
  readonly asks: string;
  readonly asGrid: boolean;
  readonly results: readonly ComparisonResult[];
}

export async function runBenchmark(benchmark: Benchmark, scale: Scale): Promise<BenchmarkReport> {
  const results: ComparisonResult[] = [];
  for await (const comparison of benchmark.comparisons(scale))
    results.push(await measureComparison(comparison, scale.rounds));
  const { name, asks, asGrid = false } = benchmark;
  return { name, asks, asGrid, results };
}

/** Rounds in which the contenders take turns, so that a noisy moment of the machine falls on all of them alike. */
async function measureComparison(
  { title, unit, contenders, goals }: Comparison,
  rounds: number,
): Promise<ComparisonResult> {
  const measurable = contenders.filter((contender) => 'round' in contender);
  const figures = new Map<string, number[]>(measurable.map(({ name }) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const contender of rotateFrom(measurable, round)) {
      globalThis.gc?.();
      const figure = await contender.round(round);
      if (!(figure >= 0)) throw new Error(`${title}: ${contender.name} measured ${figure}`);
      if (round > 0) figures.get(contender.name)!.push(figure);
    }
  }
  const lines = contenders.map((contender): ContenderFigure => {
    const { name } = contender;
    return {
      name,
      figure: 'skipped' in contender ? { skipped: contender.skipped } : computeSpread(figures.get(name)!),
    };
  });
  return { title, unit, rounds, lines, verdicts: goals.map((goal) => judgeGoal(goal, lines, figures)) };
}

/** Each round begins with another contender: none has always the same one before it. */
function rotateFrom(contenders: readonly Contender[], round: number): readonly Contender[] {
  const first = contenders.length === 0 ? 0 : round % contenders.length;
  return [...contenders.slice(first), ...contenders.slice(0, first)];
}

function judgeGoal(
  goal: Goal,
  lines: readonly ContenderFigure[],
  figures: ReadonlyMap<string, readonly number[]>,
): Verdict {
  for (const name of [goal.subject, goal.against]) {
    const line = lines.find((candidate) => candidate.name === name);
    if (line === undefined) throw new Error(`A goal names "${name}", which is no contender`);
    if ('skipped' in line.figure) return { goal, ratio: line.figure, met: undefined };
  }
  const subject = figures.get(goal.subject)!;
  const against = figures.get(goal.against)!;
  const faster = 'timesFaster' in goal;
  const ratio = computeSpread(
    subject.map((figure, round) => (faster ? divide(against[round]!, figure) : divide(figure, against[round]!))),
  );
  return { goal, ratio, met: faster ? ratio.median >= goal.timesFaster : ratio.median <= goal.atMost };
}

/** Nothing by nothing is even: two that never miss are as good as each other. */
const divide = (a: number, b: number): number => (a === b ? 1 : a / b);

function computeSpread(figures: readonly number[]): Spread {
  const sorted = figures.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { median, least: sorted[0]!, most: sorted.at(-1)! };
}
