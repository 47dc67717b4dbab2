import type { BenchmarkReport, ComparisonResult, ContenderFigure, Spread, Verdict } from './measure.ts';

/** An answer as text: for each comparison a table of figures, and below it each goal with what was measured. */
export function formatReport({ name, asks, asGrid, results }: BenchmarkReport): string {
  return [`── ${name}: ${asks}`, ...(asGrid ? formatGrid(results) : results.map(formatResult))].join('\n\n');
}

/** A row per comparison, a column per contender: medians. A contender that was measured nowhere has no column; `formatMissing` names it. */
export function toGrid(results: readonly ComparisonResult[]): string[][] {
  const units = [...new Set(results.map(({ unit }) => unit))];
  const names = [...getNames(results, ({ figure }) => 'median' in figure)];
  return [
    [units.length === 1 ? `median, ${units[0]}` : 'median', ...names],
    ...results.map(({ title, unit, lines }) => [
      units.length === 1 ? title : `${title}, ${unit}`,
      ...names.map((name) => formatCell(lines.find((line) => line.name === name))),
    ]),
  ];
}

function formatCell(line: ContenderFigure | undefined): string {
  if (line === undefined) return '';
  return 'skipped' in line.figure ? 'skipped' : formatNumber(line.figure.median);
}

/** Who was skipped where, each reason once. */
export function formatMissing(results: readonly ComparisonResult[]): string[] {
  const everywhere = getNames(results, ({ figure }) => 'median' in figure);
  const lines = results.flatMap(({ title, lines }) =>
    lines.flatMap(({ name, figure }) =>
      'skipped' in figure ? [`${name}${everywhere.has(name) ? ` (${title})` : ''}: ${figure.skipped}`] : [],
    ),
  );
  return [...new Set(lines)];
}

const getNames = (
  results: readonly ComparisonResult[],
  accepts: (line: ContenderFigure) => boolean,
): ReadonlySet<string> => new Set(results.flatMap(({ lines }) => lines.filter(accepts).map(({ name }) => name)));

const formatGrid = (results: readonly ComparisonResult[]): string[] => [
  alignColumns(toGrid(results).map((row) => ['  ', ...row])).join('\n'),
  ...(formatMissing(results).length === 0
    ? []
    : [
        formatMissing(results)
          .map((line) => `    ${line}`)
          .join('\n'),
      ]),
  alignColumns(
    results.flatMap(({ title, verdicts }) => verdicts.map((verdict) => ['  ', title, ...toGoalCells(verdict)])),
  ).join('\n'),
];

/** How many goals of all answers were met, and each that was not. */
export function formatSummary(answers: readonly BenchmarkReport[], isQuick = false): string {
  const verdicts = answers.flatMap(({ results }) =>
    results.flatMap((result) => result.verdicts.map((verdict) => ({ result, verdict }))),
  );
  const count = (met: boolean | undefined) => verdicts.filter(({ verdict }) => verdict.met === met).length;
  const misses = verdicts
    .filter(({ verdict }) => verdict.met === false)
    .map(
      ({ result, verdict }) =>
        `  ${formatVerdict(verdict)}: ${result.title}: ${formatGoal(verdict)}, measured ${formatRatio(verdict)}`,
    );
  const counts = `${count(true)} goals met, ${count(false)} missed, ${count(undefined)} skipped`;
  return [counts, ...misses, ...(isQuick ? [QUICK_NOTE] : [])].join('\n');
}

/** What a run with `--quick` says beside its figures. */
export const QUICK_NOTE =
  "A quick run (--quick): it shows that the benchmarks work. Its figures don't count, and neither does a goal that it meets or misses.";

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

/** `met`, or by what factor the goal was missed. Nothing where it was not measured. */
function formatVerdict({ goal, ratio, met }: Verdict): string {
  if (met === undefined || 'skipped' in ratio) return '';
  if (met) return 'met';
  const factor = 'atMost' in goal ? ratio.median / goal.atMost : goal.timesFaster / ratio.median;
  return `MISSED by ${formatNumber(factor)} ×`;
}

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
