import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { renderPage } from '../../bench/harness/format-page.ts';
import { renderReadme } from '../../bench/harness/format-readme.ts';
import type { BenchmarkReport } from '../../bench/harness/measure.ts';
import { plotGoals } from '../../bench/harness/plot-goals.ts';
import {
  describeEnvironment,
  formatResults,
  markMeasured,
  parseResults,
  readNewestResults,
  saveResults,
} from '../../bench/harness/results.ts';

const PAGE = join(import.meta.dirname, '../../docs/bench.md');
const PLOT = join(import.meta.dirname, '../../docs/images/bench.svg');
const page = readFileSync(PAGE, 'utf8');
const readme = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8');

const spread = (median: number) => ({ median, least: median / 2, most: median * 2 });
const toReport = (name: string, median: number): BenchmarkReport => ({
  name,
  asks: `How fast is ${name}?`,
  asGrid: false,
  results: [
    {
      title: `${name} of everything`,
      unit: 'µs',
      rounds: 5,
      lines: [
        { name: 'ours', figure: spread(median) },
        { name: 'theirs', figure: { skipped: 'not installed' } },
      ],
      verdicts: [
        { goal: { subject: 'ours', against: 'ours', atMost: 2 }, ratio: spread(1), met: true },
        {
          goal: { subject: 'ours', against: 'theirs', atMost: 2 },
          ratio: { skipped: 'not installed' },
          met: undefined,
        },
      ],
    },
  ],
});

const ENVIRONMENT = describeEnvironment();
const save = (directory: string, date: string, ...reports: BenchmarkReport[]) =>
  saveResults(
    reports.map((report) => markMeasured(report, ENVIRONMENT)),
    directory,
    date,
  );

function createDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'deskcache-results-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}

describe('docs/bench.md', () => {
  it('shows the newest results as they are rendered; if they were saved by hand, run: npm run bench:page', () => {
    expect(page).toBe(renderPage(page, readNewestResults()!));
    expect(readFileSync(PLOT, 'utf8')).toBe(plotGoals(readNewestResults()!));
  });

  it('and so do the README and its comparison', () => {
    expect(readme).toBe(renderReadme(readme, readNewestResults()!));
  });

  it('changes with the results, and nothing else of it does', () => {
    const directory = createDirectory();
    save(directory, '2026-01-02', toReport('get', 1.5));
    const rendered = renderPage(page, readNewestResults(directory)!);
    expect(rendered.slice(0, rendered.indexOf('<!--'))).toBe(page.slice(0, page.indexOf('<!--')));
    for (const line of [
      '## Results of 2026-01-02',
      '**Goals: 1 met, 0 missed, 1 skipped.**',
      '### How fast is get?',
      '| ours | 1.50 (0.750–3.00) |',
      '| theirs | skipped: not installed |',
      '| get of everything | ours ≤ 2 × ours | 1.00 × (0.500–2.00) | met |',
    ])
      expect(rendered.split('\n')).toContain(line);
    expect(renderPage(rendered, readNewestResults(directory)!)).toBe(rendered);
  });

  it('plots each measured goal as a multiple of it, from the best round to the worst', () => {
    const directory = createDirectory();
    save(directory, '2026-01-02', toReport('get', 1.5));
    const plot = plotGoals(readNewestResults(directory)!);
    const [circle, ...others] = plot.matchAll(/<circle cx="([\d.]+)"/g);
    expect(others).toEqual([]);
    const goalX = Number(/x="([\d.]+)"[^>]*>goal</.exec(plot)![1]);
    const [, from, to] = /x1="([\d.]+)" x2="([\d.]+)"[^>]*stroke-width="2"/.exec(plot)!.map(Number);
    // Half of what is allowed; in the worst round all of it.
    expect(Number(circle![1])).toBeLessThan(goalX);
    expect(to).toBe(goalX);
    expect(from! + to!).toBeCloseTo(2 * Number(circle![1]), 0);
    expect(plot).toContain('≤ 2 × ours');
  });

  it('is refused when it has lost its marks', () => {
    expect(() => renderPage('# Benchmarks\n', readNewestResults()!)).toThrow('needs two lines');
    expect(() => renderReadme('# deskcache\n', readNewestResults()!)).toThrow('needs two lines');
  });
});

describe("the README's comparison", () => {
  const line = (name: string, median: number) => ({ name, figure: spread(median) });
  const compare = (
    name: string,
    title: string,
    lines: BenchmarkReport['results'][number]['lines'],
  ): BenchmarkReport => ({
    ...toReport(name, 1),
    results: [{ title, unit: 'µs', rounds: 5, lines, verdicts: [] }],
  });
  function render(...reports: BenchmarkReport[]): string {
    const directory = createDirectory();
    save(directory, '2026-01-02', ...reports);
    const rendered = renderReadme(readme, readNewestResults(directory)!);
    return rendered.slice(rendered.indexOf('<!-- rendered'));
  }

  it('has a column for each store that was measured, the best of a row bold', () => {
    const rendered = render(
      compare('peers', 'set, over', [line('deskcache', 20), line('LMDB', 9), line('LevelDB', 13)]),
      compare('peers-reads', 'get, any', [
        line('deskcache', 3),
        { name: 'LMDB', figure: { skipped: 'not here' } },
        line('LevelDB', 4),
      ]),
    ).split('\n');
    expect(rendered).toContain('| in the main process, µs | deskcache | LMDB | LevelDB |');
    expect(rendered).toContain('| `set`, over | 20.0 | **9.00** | 13.0 |');
    expect(rendered).toContain('| `get`, not in memory | **3.00** | – | 4.00 |');
  });

  it('says where others are ahead of both kinds of store, and by how much', () => {
    const rendered = render(
      compare('peers', 'set, over', [
        line('deskcache', 20),
        line('deskcache, exclusive', 18),
        line('LMDB', 9),
        line('LevelDB', 17.5),
      ]),
      compare('peers-reads', 'get, any', [line('deskcache', 3), line('LMDB', 4)]),
    );
    expect(rendered).toContain('- `set`, over: LMDB 2.00 ×\n');
    expect(rendered).not.toContain('`get`, not in memory:');
  });

  it('says so when no other store is ahead, or nothing was measured', () => {
    expect(render(compare('peers', 'set, over', [line('deskcache', 5), line('LMDB', 9)]))).toContain(
      'No other store is ahead',
    );
    expect(render(toReport('get', 1))).toContain('Nothing was measured yet');
  });
});

describe('saved results', () => {
  it('keep what was not measured again, with the time of its measurement, in a file for each day', () => {
    const directory = createDirectory();
    save(directory, '2026-01-02', toReport('set', 1), toReport('get', 1));
    const path = save(directory, '2026-01-03', toReport('set', 2), toReport('delete', 3));
    expect(path).toBe(join(directory, '2026-01-03.json'));
    const { date, reports } = readNewestResults(directory)!;
    expect(date).toBe('2026-01-03');
    expect(reports.map(({ name, results }) => [name, results[0]!.lines[0]!.figure])).toEqual([
      ['get', spread(1)],
      ['set', spread(2)],
      ['delete', spread(3)],
    ]);
  });

  it('say on what they were measured', () => {
    const [report] = readNewestResults()!.reports;
    expect(report!.environment.cores).toBeGreaterThan(0);
    expect(ENVIRONMENT.node).toBe(process.versions.node);
    expect(ENVIRONMENT.sqlite).toMatch(/^better-sqlite3 \d/);
  });

  it('are read as they were written, a ratio to nothing included', () => {
    const report = markMeasured(toReport('get', Number.POSITIVE_INFINITY), ENVIRONMENT);
    const results = { date: '2026-01-02', reports: [{ ...report, load: 1.234567 }] };
    expect(parseResults(formatResults(results))).toEqual({ ...results, reports: [{ ...report, load: 1.2346 }] });
  });
});
