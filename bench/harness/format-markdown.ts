import { formatNumber, formatRange, toGoalCells, toGrid } from './format-text.ts';
import type { BenchmarkReport, ComparisonResult, ContenderFigure } from './measure.ts';

/** Returns the results as Markdown: the goals first, with what was measured and whether it met them, then every figure. */
export function formatMarkdown(answers: readonly BenchmarkReport[]): string {
  return [
    formatTable(['question', 'goal', 'measured (min–max)', ''], answers.flatMap(toGoalRows)),
    ...answers.map(formatSection),
  ].join('\n\n');
}

const toGoalRows = ({ results }: BenchmarkReport): string[][] =>
  results.flatMap(({ title, verdicts }) => verdicts.map((verdict) => [title, ...toGoalCells(verdict)]));

function formatSection({ asks, asGrid, results }: BenchmarkReport): string {
  const [head = [], ...rows] = toGrid(results);
  return [`### ${asks}`, ...(asGrid ? [formatTable(head, rows)] : results.map(formatFigures))].join('\n\n');
}

const formatFigures = ({ title, unit, lines }: ComparisonResult): string =>
  formatTable([title, `${unit}, median (min–max)`], lines.map(toFigureRow));

const toFigureRow = ({ name, figure }: ContenderFigure): string[] => [
  name,
  'skipped' in figure ? `skipped: ${figure.skipped}` : `${formatNumber(figure.median)} ${formatRange(figure)}`,
];

const formatTable = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
