import { axisX, axisY, dot, gridX, link, plot } from '@observablehq/plot';
import { JSDOM } from 'jsdom';
import { OURS } from './benchmark.ts';
import type { SavedResults } from './results.ts';

const ROW_HEIGHT = 13;
const WIDTH = 900;
const MARGIN_LEFT = 190;
const MARGIN_RIGHT = 190;
const [OWN_COLOR, OTHER_COLOR] = ['#0969da', '#57606a'];

/** The benchmarks of the page's plot. */
export const PLOTTED_BENCHMARKS = ['peers', 'peers-reads', 'peers-bursts', 'peers-power'] as const;

/** One store in one row: a dot at the median, and a line from the best round to the worst. */
interface PlottedFigure {
  readonly row: string;
  readonly store: string;
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** Returns an SVG of some benchmarks, a band for each row and in it a line for each store; µs on a logarithmic axis. */
export function plotPeers({ reports }: SavedResults, benchmarks: readonly string[]): string {
  const figures = reports
    .filter(({ name }) => benchmarks.includes(name))
    .flatMap(({ name, results }) =>
      results
        .filter(({ unit }) => unit === 'µs')
        .flatMap(({ title, lines }) =>
          lines.flatMap(({ name: store, figure }): PlottedFigure[] =>
            'skipped' in figure ? [] : [{ row: name.endsWith('power') ? `${title}, synced` : title, store, ...figure }],
          ),
        ),
    );
  const rows = new Set(figures.map(({ row }) => row)).size;
  const stores = [...new Set(figures.map(({ store }) => store))];
  const color = ({ store }: PlottedFigure) => (store.startsWith(OURS) ? OWN_COLOR : OTHER_COLOR);
  const { document } = new JSDOM('').window;
  const svg = plot({
    document,
    width: WIDTH,
    height: 60 + rows * (stores.length + 1) * ROW_HEIGHT,
    marginLeft: MARGIN_LEFT,
    marginRight: MARGIN_RIGHT,
    marginTop: 30,
    x: { type: 'log', label: 'µs, median and range of the rounds; less is better' },
    y: { domain: stores, label: null },
    fy: { label: null, domain: [...new Set(figures.map(({ row }) => row))] },
    marks: [
      gridX(),
      axisX({ anchor: 'top' }),
      axisY({ tickSize: 0 }),
      link(figures, { fy: 'row', y: 'store', x1: 'least', x2: 'most', stroke: color }),
      dot(figures, { fy: 'row', y: 'store', x: 'median', fill: color, r: 3.5 }),
    ],
  }) as SVGSVGElement;
  svg.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  svg.setAttribute('style', 'background: #ffffff');
  return `${svg.outerHTML}\n`;
}
