import type { Answer, Line, Result, Spread, Verdict } from './measure.ts';

/** An answer as text: for each comparison a table of figures, and below it each goal with what was measured. */
export function printed({ name, asks, asGrid, results }: Answer): string {
  return [`── ${name}: ${asks}`, ...(asGrid ? printedGrid(results) : results.map(printedResult))].join('\n\n');
}

/** A row per comparison, a column per contender: medians. */
export const grid = (results: readonly Result[]): string[][] => [
  [`median, ${results[0]?.unit}`, ...(results[0]?.lines.map(({ name }) => name) ?? [])],
  ...results.map(({ title, lines }) => [
    title,
    ...lines.map(({ figure }) => ('skipped' in figure ? 'skipped' : significant(figure.median))),
  ]),
];

const printedGrid = (results: readonly Result[]): string[] => [
  aligned(grid(results).map((row) => ['  ', ...row])).join('\n'),
  aligned(
    results.flatMap(({ title, verdicts }) => verdicts.map((verdict) => ['  ', title, ...goalCells(verdict)])),
  ).join('\n'),
];

/** How many goals of all answers were met, and each that was not. */
export function summary(answers: readonly Answer[]): string {
  const verdicts = answers.flatMap(({ results }) =>
    results.flatMap((result) => result.verdicts.map((verdict) => ({ result, verdict }))),
  );
  const count = (met: boolean | undefined) => verdicts.filter(({ verdict }) => verdict.met === met).length;
  const misses = verdicts
    .filter(({ verdict }) => verdict.met === false)
    .map(({ result, verdict }) => `  missed: ${result.title}: ${goalText(verdict)}, measured ${ratioText(verdict)}`);
  return [`${count(true)} goals met, ${count(false)} missed, ${count(undefined)} skipped`, ...misses].join('\n');
}

function printedResult({ title, unit, lines, verdicts }: Result): string {
  const rows = lines.map((line) => ['  ', line.name, ...figureCells(line)]);
  const goals = verdicts.map((verdict) => ['  ', ...goalCells(verdict)]);
  return [`  ${title} [${unit}: median (min–max)]`, ...aligned(rows), ...aligned(goals)].join('\n');
}

function figureCells({ figure }: Line): string[] {
  return 'skipped' in figure ? [`skipped: ${figure.skipped}`] : [significant(figure.median), rangeText(figure)];
}

/** What was wanted, what was measured, and whether that is enough. */
export const goalCells = (verdict: Verdict): string[] => [goalText(verdict), ratioText(verdict), verdictText(verdict)];

function goalText({ goal }: Verdict): string {
  if ('atMost' in goal) return `${goal.subject} ≤ ${goal.atMost} × ${goal.against}`;
  return `${goal.subject} ≥ ${goal.timesFaster} × faster than ${goal.against}`;
}

function ratioText({ ratio }: Verdict): string {
  return 'skipped' in ratio ? `skipped: ${ratio.skipped}` : `${significant(ratio.median)} × ${rangeText(ratio)}`;
}

const verdictText = ({ met }: Verdict): string => (met === undefined ? '' : met ? 'met' : 'MISSED');

export const rangeText = ({ least, most }: Spread): string => `(${significant(least)}–${significant(most)})`;

/** Three digits that say something. */
export const significant = (figure: number): string =>
  figure >= 100 ? Math.round(figure).toLocaleString('en') : figure === 0 ? '0' : figure.toPrecision(3);

function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
