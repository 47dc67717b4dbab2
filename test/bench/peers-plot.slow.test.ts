import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PLOTTED_BENCHMARKS, plotPeers } from '../../bench/harness/plot-peers.ts';
import { readNewestResults, type SavedResults } from '../../bench/harness/results.ts';

const PLOT = join(import.meta.dirname, '../../docs/images/bench-peers.svg');

describe('docs/images/bench-peers.svg', () => {
  it('shows the newest results; if they were saved by hand, run: npm run bench:page', () => {
    expect(readFileSync(PLOT, 'utf8')).toBe(plotPeers(readNewestResults()!, PLOTTED_BENCHMARKS));
  });

  it('has a dot for each store of each row that was measured in µs, and none for one that was skipped', () => {
    const figure = { median: 2, least: 1, most: 4 };
    const row = (title: string, unit: 'µs' | 'MiB') => ({
      title,
      unit,
      rounds: 5,
      lines: [
        { name: 'deskcache', figure },
        { name: 'LMDB', figure },
        { name: 'LevelDB', figure: { skipped: 'not here' } },
      ],
      verdicts: [],
    });
    const [report] = readNewestResults()!.reports;
    const results: SavedResults = {
      date: '2026-01-02',
      reports: [{ ...report!, name: 'peers', results: [row('set', 'µs'), row('get', 'µs'), row('on disk', 'MiB')] }],
    };
    const plot = plotPeers(results, ['peers']);
    expect(plot.match(/<circle /g)).toHaveLength(4);
    expect(plot).toContain('>LMDB<');
    expect(plot).not.toContain('>LevelDB<');
    expect(plot).not.toContain('on disk');
  });
});
