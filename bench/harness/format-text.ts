import type { BenchmarkReport, ComparisonResult, ContenderFigure, Spread, Verdict } from './measure.ts';

/** An answer as text: for each comparison a table of figures, and below it each goal with what was measured. */
export function formatReport({ name, asks, asGrid, results }: BenchmarkReport): string {
  return [`── ${name}: ${asks}`, ...(asGrid ? formatGrid(results) : results.map(formatResult))].join('\n\n');
}

/** A row per comparison, a column per contender: medians. */
export const toGrid = (results: readonly ComparisonResult[]): string[][] => [
  [`median, ${results[0]?.unit}`, ...(results[0]?.lines.map(({ name }) => name) ?? [])],
  ...results.map(({ title, lines }) => [
    title,
    ...lines.map(({ figure }) => ('skipped' in figure ? 'skipped' : formatNumber(figure.median))),
  ]),
];

const formatGrid = (results: readonly ComparisonResult[]): string[] => [
  alignColumns(toGrid(results).map((row) => ['  ', ...row])).join('\n'),
  alignColumns(
    results.flatMap(({ title, verdicts }) => verdicts.map((verdict) => ['  ', title, ...toGoalCells(verdict)])),
  ).join('\n'),
];

/** How many goals of all answers were met, and each that was not. */
export function formatSummary(answers: readonly BenchmarkReport[]): string {
  const verdicts = answers.flatMap(({ results }) =>
    results.flatMap((result) => result.verdicts.map((verdict) => ({ result, verdict }))),
  );
  const count = (met: boolean | undefined) => verdicts.filter(({ verdict }) => verdict.met === met).length;
  const misses = verdicts
    .filter(({ verdict }) => verdict.met === false)
    .map(
      ({ result, verdict }) => `  missed: ${result.title}: ${formatGoal(verdict)}, measured ${formatRatio(verdict)}`,
    );
  return [`${count(true)} goals met, ${count(false)} missed, ${count(undefined)} skipped`, ...misses].join('\n');
}

function formatResult({ title, unit, lines, verdicts }: ComparisonResult): string {
  const rows = lines.map((line) => ['  ', line.name, ...toFigureCells(line)]);
  const goals = verdicts.map((verdict) => ['  ', ...toGoalCells(verdict)]);
  return [`  ${title} [${unit}: median (min–max)]`, ...alignColumns(rows), ...alignColumns(goals)].join('\n');
}

function toFigureCells({ figure }: ContenderFigure): string[] {
  return 'skipped' in figure ? [`skipped: ${figure.skipped}`] : [formatNumber(figure.median), formatRange(figure)];
}

/** What was wanted, what was measured, and whether that is enough. */
export const toGoalCells = (verdict: Verdict): string[] => [
  formatGoal(verdict),
  formatRatio(verdict),
  formatVerdict(verdict),
];

function formatGoal({ goal }: Verdict): string {
  if ('atMost' in goal) return `${goal.subject} ≤ ${goal.atMost} × ${goal.against}`;
  return `${goal.subject} ≥ ${goal.timesFaster} × faster than ${goal.against}`;
}

function formatRatio({ ratio }: Verdict): string {
  return 'skipped' in ratio ? `skipped: ${ratio.skipped}` : `${formatNumber(ratio.median)} × ${formatRange(ratio)}`;
}

const formatVerdict = ({ met }: Verdict): string => (met === undefined ? '' : met ? 'met' : 'MISSED');

export const formatRange = ({ least, most }: Spread): string => `(${formatNumber(least)}–${formatNumber(most)})`;

/** Three digits that say something. */
export const formatNumber = (figure: number): string =>
  figure >= 100 ? Math.round(figure).toLocaleString('en') : figure === 0 ? '0' : figure.toPrecision(3);

function alignColumns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
