import type { Comparison, Contender, Goal, Question, Scale, Unit } from './question.ts';

/** A median with the range it was taken from. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** A contender's figures over the rounds, or why there are none. */
export interface Line {
  readonly name: string;
  readonly figure: Spread | { readonly skipped: string };
}

/** A goal held against the rounds: the ratio of each round, never a ratio of medians from different moments. */
export interface Verdict {
  readonly goal: Goal;
  readonly ratio: Spread | { readonly skipped: string };
  readonly met: boolean | undefined;
}

export interface Result {
  readonly title: string;
  readonly unit: Unit;
  readonly rounds: number;
  readonly lines: readonly Line[];
  readonly verdicts: readonly Verdict[];
}

export interface Answer {
  readonly name: string;
  readonly asks: string;
  readonly asGrid: boolean;
  readonly results: readonly Result[];
}

export async function answer(question: Question, scale: Scale): Promise<Answer> {
  const results: Result[] = [];
  for await (const comparison of question.comparisons(scale)) results.push(await measure(comparison, scale.rounds));
  const { name, asks, asGrid = false } = question;
  return { name, asks, asGrid, results };
}

/** Rounds in which the contenders take turns, so that a noisy moment of the machine falls on all of them alike. */
async function measure({ title, unit, contenders, goals }: Comparison, rounds: number): Promise<Result> {
  const present = contenders.filter((contender) => 'round' in contender);
  const figures = new Map<string, number[]>(present.map(({ name }) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const contender of startingAt(present, round)) {
      globalThis.gc?.();
      const figure = await contender.round(round);
      if (!(figure >= 0)) throw new Error(`${title}: ${contender.name} measured ${figure}`);
      if (round > 0) figures.get(contender.name)!.push(figure);
    }
  }
  const lines = contenders.map((contender): Line => {
    const { name } = contender;
    return { name, figure: 'skipped' in contender ? { skipped: contender.skipped } : spread(figures.get(name)!) };
  });
  return { title, unit, rounds, lines, verdicts: goals.map((goal) => judge(goal, lines, figures)) };
}

/** Each round begins with another contender: none has always the same one before it. */
function startingAt(contenders: readonly Contender[], round: number): readonly Contender[] {
  const first = contenders.length === 0 ? 0 : round % contenders.length;
  return [...contenders.slice(first), ...contenders.slice(0, first)];
}

function judge(goal: Goal, lines: readonly Line[], figures: ReadonlyMap<string, readonly number[]>): Verdict {
  for (const name of [goal.subject, goal.against]) {
    const line = lines.find((candidate) => candidate.name === name);
    if (line === undefined) throw new Error(`A goal names "${name}", which is no contender`);
    if ('skipped' in line.figure) return { goal, ratio: line.figure, met: undefined };
  }
  const subject = figures.get(goal.subject)!;
  const against = figures.get(goal.against)!;
  const faster = 'timesFaster' in goal;
  const ratio = spread(
    subject.map((figure, round) => (faster ? quotient(against[round]!, figure) : quotient(figure, against[round]!))),
  );
  return { goal, ratio, met: faster ? ratio.median >= goal.timesFaster : ratio.median <= goal.atMost };
}

/** Nothing by nothing is even: two that never miss are as good as each other. */
const quotient = (a: number, b: number): number => (a === b ? 1 : a / b);

function spread(figures: readonly number[]): Spread {
  const sorted = figures.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { median, least: sorted[0]!, most: sorted.at(-1)! };
}
