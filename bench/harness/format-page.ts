import { formatMissing, formatNumber, formatRange, toGoalCells, toGrid } from './format-text.ts';
import type { ComparisonResult, ContenderFigure } from './measure.ts';
import type { Environment, SavedReport, SavedResults } from './results.ts';

const BEGIN = '<!-- rendered from bench/results by `npm run bench:page`: begin -->';
const END = '<!-- rendered: end -->';

/**
 * Returns the page with its results replaced; what people have written around them stays.
 *
 * @throws `Error` if the page has lost the marks between which they stand.
 */
export function renderPage(page: string, results: SavedResults): string {
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin === -1 || end < begin) throw new Error(`docs/bench.md needs two lines, ${BEGIN} and ${END}`);
  return `${page.slice(0, begin)}${BEGIN}\n\n${formatResultsAsMarkdown(results)}\n\n${page.slice(end)}`;
}

/** The goals first, with what was measured and whether it met them, then every figure. */
function formatResultsAsMarkdown({ date, reports }: SavedResults): string {
  const goals = reports.flatMap(toGoalRows);
  const verdicts = reports.flatMap(({ results }) => results.flatMap((result) => result.verdicts));
  const count = (met: boolean | undefined) => verdicts.filter((verdict) => verdict.met === met).length;
  return [
    `## Results of ${date}`,
    `**Goals: ${count(true)} met, ${count(false)} missed, ${count(undefined)} skipped.**`,
    ...[...new Set(reports.map(({ environment }) => formatEnvironment(environment)))],
    '![Each goal as a line, with what was measured as a multiple of it: left of the line it is met](images/bench.svg)',
    ...(reports.some(({ name }) => name === 'peers')
      ? ['![What writes and reads cost in each store, a band for each row](images/bench-peers.svg)']
      : []),
    formatTable(['what is measured', 'goal', 'measured (min–max)', ''], goals),
    ...reports.map(formatSection),
  ].join('\n\n');
}

const formatEnvironment = ({ processor, cores, memoryBytes, system, node, sqlite, python }: Environment): string =>
  `${processor}, ${cores} cores, ${Math.round(memoryBytes / 2 ** 30)} GiB, ${system}; Node ${node}, ${sqlite}; ${python === 'not installed' ? 'Python DiskCache is not installed' : python}.`;

const toGoalRows = ({ results }: SavedReport): string[][] =>
  results.flatMap(({ title, verdicts }) => verdicts.map((verdict) => [title, ...toGoalCells(verdict)]));

function formatSection({ name, asks, asGrid, results, measuredAt, load }: SavedReport): string {
  const [head = [], ...rows] = toGrid(results);
  const circumstances = [
    `\`${name}\``,
    measuredAt.slice(0, 'YYYY-MM-DDThh:mm'.length).replace('T', ' '),
    `${results[0]?.rounds ?? 0} rounds`,
    ...(load === undefined ? [] : [`load ${load.toFixed(1)}`]),
  ].join(', ');
  return [
    `### ${asks}`,
    circumstances,
    ...(asGrid ? [formatTable(head, rows), ...formatMissing(results)] : results.map(formatFigures)),
  ].join('\n\n');
}

const formatFigures = ({ title, unit, lines }: ComparisonResult): string =>
  formatTable([title, `${unit}, median (min–max)`], lines.map(toFigureRow));

const toFigureRow = ({ name, figure }: ContenderFigure): string[] => [
  name,
  'skipped' in figure ? `skipped: ${figure.skipped}` : `${formatNumber(figure.median)} ${formatRange(figure)}`,
];

const formatTable = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
