import { COMLINK } from '../goals.ts';
import { PYTHON_NAME } from '../peer/python.ts';
import { EXCLUSIVE } from '../peer/stores/deskcache.ts';
import { CACACHE, CONF } from '../peer/stores/files.ts';
import { KEYV } from '../peer/stores/keyv.ts';
import { LEVEL } from '../peer/stores/level.ts';
import { LMDB } from '../peer/stores/lmdb.ts';
import { NODE_SQLITE } from '../peer/stores/sqlite.ts';
import { BASELINE, OURS } from './benchmark.ts';
import { formatNumber } from './format-text.ts';
import type { ComparisonResult } from './measure.ts';
import type { SavedReport, SavedResults } from './results.ts';

const BEGIN = '<!-- rendered from bench/results by `npm run bench:page`: begin of the comparison -->';
const END = '<!-- rendered: end of the comparison -->';

interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly { readonly benchmark: string; readonly title: string; readonly label: string }[];
}

const MAIN: Table = {
  columns: [OURS, EXCLUSIVE, BASELINE, NODE_SQLITE, LMDB, LEVEL, KEYV, CACACHE, CONF, PYTHON_NAME],
  rows: [
    { benchmark: 'peers', title: 'set, new', label: '`set`, new' },
    { benchmark: 'peers', title: 'set, over', label: '`set`, over' },
    { benchmark: 'peers', title: '1000 in a transaction', label: '1000 in a transaction' },
    { benchmark: 'peers', title: 'delete', label: '`delete`' },
    { benchmark: 'peers-reads', title: 'get, used recently', label: '`get`, used recently' },
    { benchmark: 'peers-reads', title: 'get, any', label: '`get`, not in memory' },
    { benchmark: 'peers-reads', title: 'object, used recently', label: 'object, used recently' },
    { benchmark: 'peers-reads', title: 'object, any', label: 'object, not in memory' },
    { benchmark: 'peers-power', title: 'set, over', label: '`set` that survives a power cut' },
    { benchmark: 'peers', title: 'on disk, closed', label: 'on disk, MiB' },
    { benchmark: 'peers', title: 'open and one get', label: 'open and one `get`, ms' },
  ],
};

const PAGE: Table = {
  columns: [OURS, EXCLUSIVE, COMLINK, 'IndexedDB in a window'],
  rows: [
    { benchmark: 'peers-page', title: 'one set at a time', label: '`set`, one at a time' },
    { benchmark: 'peers-page', title: 'sets in flight', label: '`set`, 10 000 in flight' },
    { benchmark: 'peers-page', title: 'one get at a time', label: '`get`, one at a time' },
    { benchmark: 'peers-page', title: 'gets in flight', label: '`get`, 10 000 in flight' },
  ],
};

/** Two runs of the same store differ by this much, so a smaller lead doesn’t count. */
const MIN_LEAD = 1.1;

/**
 * Returns the README with its comparison replaced by the newest results, and the rest as it is.
 *
 * @throws `Error` if it has lost the two lines between which the comparison stands.
 */
export function renderReadme(readme: string, results: SavedResults): string {
  const [begin, end] = [readme.indexOf(BEGIN), readme.indexOf(END)];
  if (begin === -1 || end < begin) throw new Error(`README.md needs two lines, ${BEGIN} and ${END}`);
  return `${readme.slice(0, begin)}${BEGIN}\n\n${formatComparison(results)}\n\n${readme.slice(end)}`;
}

function formatComparison(results: SavedResults): string {
  const isMeasured = [MAIN, PAGE].some(({ rows }) => rows.some((row) => findRow(results, row) !== undefined));
  if (!isMeasured) return 'Nothing was measured yet: `npm run bench -- --save`.';
  return [
    formatCircumstances(results),
    formatTable('in the main process, µs', MAIN, results),
    formatTable('from a page, µs', PAGE, results),
    formatLosses(results),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

/** What the figures depend on, and how busy the machine was. */
function formatCircumstances({ date, reports }: SavedResults): string {
  const measured = reports.filter(({ name }) =>
    [MAIN, PAGE].some(({ rows }) => rows.some((row) => row.benchmark === name)),
  );
  const [{ environment, results, operations }] = measured as [SavedReport];
  const loads = measured.flatMap(({ load }) => (load === undefined ? [] : [load]));
  const load = loads.length === 0 ? '' : `, at a load of ${formatNumber(Math.max(...loads))}`;
  const count = operations === undefined ? '' : ` of ${operations.toLocaleString('en')} operations`;
  return `Medians of ${results[0]?.rounds} rounds${count}, values of 100 bytes, ${date}, ${environment.cores} shared cores${load}:`;
}

const findRow = ({ reports }: SavedResults, row: Table['rows'][number]): ComparisonResult | undefined =>
  reports.find(({ name }) => name === row.benchmark)?.results.find(({ title }) => title === row.title);

function getMedian(result: ComparisonResult | undefined, name: string): number | undefined {
  const figure = result?.lines.find((line) => line.name === name)?.figure;
  return figure === undefined || 'skipped' in figure ? undefined : figure.median;
}

/** Columns and rows without a measurement are left out. The best of a row is bold. */
function formatTable(head: string, { columns, rows }: Table, results: SavedResults): string {
  const measured = rows.flatMap((row) => {
    const result = findRow(results, row);
    return result === undefined ? [] : [{ label: row.label, result }];
  });
  if (measured.length === 0) return '';
  const shown = columns.filter((name) => measured.some(({ result }) => getMedian(result, name) !== undefined));
  const lines = measured.map(({ label, result }) => {
    const medians = shown.map((name) => getMedian(result, name));
    const best = Math.min(...medians.filter((median) => median !== undefined));
    const cells = medians.map((median) => {
      if (median === undefined) return '–';
      return median === best ? `**${formatNumber(median)}**` : formatNumber(median);
    });
    return [label, ...cells];
  });
  return [[head, ...shown], ['---', ...shown.map(() => '---')], ...lines]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
}

/** Each row in which another store is ahead of both of ours, with the lead. */
function formatLosses(results: SavedResults): string {
  const losses = [MAIN, PAGE].flatMap(({ columns, rows }) =>
    rows.flatMap((row) => {
      const result = findRow(results, row);
      const median = (name: string) => getMedian(result, name) ?? Number.POSITIVE_INFINITY;
      const ours = Math.min(median(OURS), median(EXCLUSIVE));
      const ahead = columns
        .filter((name) => name !== OURS && name !== EXCLUSIVE && median(name) * MIN_LEAD < ours)
        .sort((a, b) => median(a) - median(b))
        .map((name) => `${name} ${formatNumber(ours / median(name))} ×`);
      return ahead.length === 0 || !Number.isFinite(ours) ? [] : [`${row.label}: ${ahead.join(', ')}`];
    }),
  );
  if (losses.length === 0) return 'No other store is ahead in any of these rows.';
  return [
    '**Where others are ahead**, by how much (less than 1.1 × is not counted):',
    '',
    ...losses.map((loss) => `- ${loss}`),
  ].join('\n');
}
