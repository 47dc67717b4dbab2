/**
 * `npm test`: everything there is to check, one runner after the other, fast ones first. Ends with the one line
 * `N passed, N failed, N skipped`, summed over all runners; a step without tests of its own counts as one.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { line, playwrightTally, sum, type Tally, vitestTally } from './tally.ts';

interface Step {
  readonly name: string;
  readonly command: string;
  /** Reads what the runner counted. Without it the exit code counts as one test. */
  readonly count?: () => Tally;
}

const RESULTS = join(import.meta.dirname, '..', 'test-results');
const UNIT = join(RESULTS, 'vitest.json');
const E2E = join(RESULTS, 'playwright.json');

const STEPS: readonly Step[] = [
  { name: 'build', command: 'npm run --silent build' },
  { name: 'lint', command: 'biome check --error-on-warnings' },
  {
    name: 'package',
    command: 'publint --strict && attw --pack . --profile node16 --quiet',
  },
  {
    name: 'unit, model, crash and process tests',
    command: `vitest run --reporter=default --reporter=json --outputFile.json=${UNIT}`,
    count: () => vitestTally(UNIT),
  },
  {
    name: 'end-to-end tests, in Electron where its runtime is, and in the stand-in',
    command: 'playwright test --config e2e/playwright.config.ts --reporter=list,json',
    count: () => playwrightTally(E2E),
  },
];

function run({ name, command, count }: Step): Tally {
  console.log(`\n── ${name}`);
  const started = Date.now();
  const { status } = spawnSync(command, {
    shell: true,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, PLAYWRIGHT_JSON_OUTPUT_NAME: E2E },
  });
  const tally = tallyOf(name, status === 0, count);
  for (const [reason, tests] of tally.reasons ?? []) console.log(`   skipped: ${reason} (${tests})`);
  console.log(`── ${name}: ${line(tally)} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
  return tally;
}

/** A runner that fails without a failed test, or without a report, has failed all the same. */
function tallyOf(name: string, ok: boolean, count: Step['count']): Tally {
  const itself = { failed: 1, failures: [`${name}: the step itself; its output says why`] };
  if (!count) return ok ? { passed: 1, failed: 0, skipped: 0 } : { passed: 0, skipped: 0, ...itself };
  try {
    const tally = count();
    return ok || tally.failed > 0 ? tally : { ...tally, ...itself };
  } catch (error) {
    console.error(error);
    return { passed: 0, skipped: 0, ...itself };
  }
}

rmSync(RESULTS, { recursive: true, force: true });
mkdirSync(RESULTS, { recursive: true });
const total = sum(STEPS.map(run));
process.exitCode = total.failed > 0 ? 1 : 0;
if (total.failures?.length) console.log(`\nFailed:\n   ${total.failures.join('\n   ')}`);
console.log(`\n${line(total)}`);
