/** `npm run bench:page`: puts the newest results into docs/bench.md and the README, and their plots beside the page. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { renderPage } from './harness/format-page.ts';
import { renderReadme } from './harness/format-readme.ts';
import { plotGoals } from './harness/plot-goals.ts';
import { PLOTTED_BENCHMARKS, plotPeers } from './harness/plot-peers.ts';
import { readNewestResults } from './harness/results.ts';

const PAGE = join(import.meta.dirname, '../docs/bench.md');
const README = join(import.meta.dirname, '../README.md');
const PLOT = join(import.meta.dirname, '../docs/images/bench.svg');
const PEERS_PLOT = join(import.meta.dirname, '../docs/images/bench-peers.svg');

/** @throws `Error` if nothing was saved yet. */
export function updatePage(): void {
  const results = readNewestResults();
  if (results === undefined) throw new Error('There are no results in bench/results; run: npm run bench -- --save');
  writeFileSync(PAGE, renderPage(readFileSync(PAGE, 'utf8'), results));
  writeFileSync(README, renderReadme(readFileSync(README, 'utf8'), results));
  writeFileSync(PLOT, plotGoals(results));
  writeFileSync(PEERS_PLOT, plotPeers(results, PLOTTED_BENCHMARKS));
}

if (import.meta.main) updatePage();
