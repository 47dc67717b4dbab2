/** `npm run bench:page`: puts the newest results into docs/bench.md, and their plot beside it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { renderPage } from './harness/format-page.ts';
import { plotGoals } from './harness/plot-goals.ts';
import { readNewestResults } from './harness/results.ts';

const PAGE = join(import.meta.dirname, '../docs/bench.md');
const PLOT = join(import.meta.dirname, '../docs/images/bench.svg');

/** @throws `Error` if nothing was saved yet. */
export function updatePage(): void {
  const results = readNewestResults();
  if (results === undefined) throw new Error('There are no results in bench/results; run: npm run bench -- --save');
  writeFileSync(PAGE, renderPage(readFileSync(PAGE, 'utf8'), results));
  writeFileSync(PLOT, plotGoals(results));
}

if (import.meta.main) updatePage();
