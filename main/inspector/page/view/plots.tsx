import { useEffect, useRef, useState } from 'preact/hooks';
import UPlot from 'uplot';
import type { Sample, StoreSummary } from '../../contract.ts';
import { call } from '../client.ts';
import { formatBytes, formatCount, formatPercent } from '../format.ts';
import { ErrorNote } from './error-note.tsx';

const INTERVAL_MS = 1000;
const MAX_SAMPLES = 600;

interface Plot {
  readonly title: string;
  readonly format: (value: number) => string;
  /** Undefined where the sample has no value. */
  readonly read: (sample: Sample, before: Sample | undefined, store: string | undefined) => number | undefined;
}

const PLOTS: readonly Plot[] = [
  { title: 'Bytes on disk', format: formatBytes, read: (sample, _, store) => sum(sample, store, ({ bytes }) => bytes) },
  { title: 'Hit rate', format: formatPercent, read: getHitRate },
  { title: 'Evictions a second', format: formatCount, read: ({ evictions }) => evictions },
  { title: 'Calls of pages a second', format: formatCount, read: ({ calls }) => calls },
  { title: 'Delay of the event loop', format: (ms) => `${ms.toFixed(1)} ms`, read: ({ delayMs }) => delayMs },
];

type StoreSample = Sample['stores'][string];

const sum = ({ stores }: Sample, store: string | undefined, read: (it: StoreSample) => number): number =>
  Object.entries(stores).reduce((all, [name, it]) => all + (store === undefined || name === store ? read(it) : 0), 0);

/** Of the reads since the sample before. */
function getHitRate(sample: Sample, before: Sample | undefined, store: string | undefined): number | undefined {
  if (before === undefined) return undefined;
  const count = (read: (it: StoreSample) => number) => sum(sample, store, read) - sum(before, store, read);
  const hits = count((it) => it.hits ?? 0);
  const reads = hits + count((it) => it.misses ?? 0);
  return reads > 0 ? hits / reads : undefined;
}

/** How the stores and the process are doing, second by second. */
export function Plots({ stores }: { readonly stores: readonly StoreSummary[] }) {
  const [store, setStore] = useState<string>();
  const { samples, error } = useSamples();
  return (
    <section>
      <h2>Over time</h2>
      <div class="toolbar">
        <label>
          Bytes and hit rate of{' '}
          <select value={store ?? ''} onChange={({ currentTarget }) => setStore(currentTarget.value || undefined)}>
            <option value="">all stores</option>
            {stores.map(({ name }) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
      </div>
      <ErrorNote error={error} />
      <div class="plots">
        {PLOTS.map((plot) => (
          <PlotFigure key={plot.title} plot={plot} samples={samples} store={store} />
        ))}
      </div>
    </section>
  );
}

function useSamples(): { readonly samples: readonly Sample[]; readonly error: Error | undefined } {
  const [samples, setSamples] = useState<readonly Sample[]>([]);
  const [error, setError] = useState<Error>();
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isCurrent = true;
    const poll = async (since: number): Promise<void> => {
      try {
        const { samples: added } = await call('metrics', { since });
        if (!isCurrent) return;
        if (added.length > 0) setSamples((before) => [...before, ...added].slice(-MAX_SAMPLES));
        timer = setTimeout(poll, INTERVAL_MS, (added.at(-1)?.sequence ?? since - 1) + 1);
      } catch (thrown) {
        if (isCurrent) setError(thrown as Error);
      }
    };
    poll(0);
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, []);
  return { samples, error };
}

interface PlotFigureProps {
  readonly plot: Plot;
  readonly samples: readonly Sample[];
  readonly store: string | undefined;
}

const PLOT_HEIGHT_PX = 140;

/** A plot, and its latest value as text. */
function PlotFigure({ plot, samples, store }: PlotFigureProps) {
  const place = useRef<HTMLDivElement>(null);
  const drawn = useRef<UPlot>(undefined);
  const theme = useTheme();
  const values = samples.map((sample, index) => plot.read(sample, samples[index - 1], store));
  const latest = values.findLast((value) => value !== undefined);
  useEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    const made = new UPlot(toPlotOptions(plot, element), [[], []], element);
    drawn.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: PLOT_HEIGHT_PX }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
    };
  }, [plot, theme]);
  useEffect(() => {
    drawn.current?.setData([samples.map(({ at }) => at / 1000), values]);
  }, [samples, store, theme]);
  return (
    <figure>
      <figcaption>
        {plot.title}: <strong>{latest === undefined ? 'nothing measured' : plot.format(latest)}</strong>
      </figcaption>
      <div ref={place} aria-hidden="true" />
    </figure>
  );
}

function toPlotOptions({ title, format }: Plot, element: HTMLElement): UPlot.Options {
  const style = getComputedStyle(element);
  const [text, line, grid] = ['--text', '--accent', '--border'].map((name) => style.getPropertyValue(name));
  const axis = { stroke: text!, grid: { stroke: grid!, width: 1 }, ticks: { stroke: grid!, width: 1 } };
  return {
    width: element.clientWidth,
    height: PLOT_HEIGHT_PX,
    legend: { show: false },
    cursor: { show: false },
    scales: { y: { range: (_, min, max) => [Math.min(0, min ?? 0), (max ?? 0) > 0 ? max * 1.1 : 1] } },
    series: [{}, { label: title, stroke: line!, width: 2, spanGaps: false, points: { show: false } }],
    axes: [axis, { ...axis, size: 80, values: (_, ticks) => ticks.map(format) }],
  };
}

/** Changes when the system changes between light and dark. */
function useTheme(): boolean {
  const query = matchMedia('(prefers-color-scheme: dark)');
  const [isDark, setDark] = useState(query.matches);
  useEffect(() => {
    const onChange = (): void => setDark(query.matches);
    query.addEventListener('change', onChange);
    return () => query.removeEventListener('change', onChange);
  }, [query]);
  return isDark;
}
