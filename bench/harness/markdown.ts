import type { Answer, Line, Result } from './measure.ts';
import { goalCells, grid, rangeText, significant } from './print.ts';

/** Answers as Markdown: the goals first, with what was measured and whether that met them, then every figure. */
export function markdown(answers: readonly Answer[]): string {
  return [
    table(['question', 'goal', 'measured (min–max)', ''], answers.flatMap(goalRows)),
    ...answers.map(section),
  ].join('\n\n');
}

const goalRows = ({ results }: Answer): string[][] =>
  results.flatMap(({ title, verdicts }) => verdicts.map((verdict) => [title, ...goalCells(verdict)]));

function section({ asks, asGrid, results }: Answer): string {
  const [head = [], ...rows] = grid(results);
  return [`### ${asks}`, ...(asGrid ? [table(head, rows)] : results.map(figures))].join('\n\n');
}

const figures = ({ title, unit, lines }: Result): string =>
  table([title, `${unit}, median (min–max)`], lines.map(figureRow));

const figureRow = ({ name, figure }: Line): string[] => [
  name,
  'skipped' in figure ? `skipped: ${figure.skipped}` : `${significant(figure.median)} ${rangeText(figure)}`,
];

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
