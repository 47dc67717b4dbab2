/**
 * `npm test`: everything there is to check, one runner after the other, fast ones first. Ends with the one line
 * `N passed, N failed, N skipped`, summed over all runners; a step without tests of its own counts as one.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { addCounts, formatCounts, readPlaywrightCounts, readVitestCounts, type TestCounts } from './test-counts.ts';

interface Step {
  readonly name: string;
  readonly command: string;
  /** Reads what the runner counted. Without it the exit code counts as one test. */
  readonly count?: () => TestCounts;
}

const RESULTS = join(import.meta.dirname, '..', 'test-results');
const VITEST_REPORT = join(RESULTS, 'vitest.json');
const PLAYWRIGHT_REPORT = join(RESULTS, 'playwright.json');

const STEPS: readonly Step[] = [
  { name: 'build', command: 'npm run --silent build' },
  { name: 'lint', command: 'biome check --error-on-warnings' },
  {
    name: 'package',
    // Svelte, and so its bindings, is an ES module only.
    command:
      'publint --strict && attw --pack . --profile node16 --exclude-entrypoints svelte --quiet && attw --pack . --profile esm-only --entrypoints svelte --quiet',
  },
  {
    name: 'unit, model, crash and process tests',
    command: `vitest run --reporter=default --reporter=json --outputFile.json=${VITEST_REPORT}`,
    count: () => readVitestCounts(VITEST_REPORT),
  },
  {
    name: 'end-to-end tests, in Electron where its runtime is, and in the stand-in',
    command: 'playwright test --config e2e/playwright.config.ts --reporter=list,json',
    count: () => readPlaywrightCounts(PLAYWRIGHT_REPORT),
  },
];

function runStep({ name, command, count }: Step): TestCounts {
  console.log(`\n── ${name}`);
  const startedAt = Date.now();
  const { status } = spawnSync(command, {
    shell: true,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, PLAYWRIGHT_JSON_OUTPUT_NAME: PLAYWRIGHT_REPORT },
  });
  const counts = countStep(name, status === 0, count);
  for (const [reason, tests] of counts.reasons ?? []) console.log(`   skipped: ${reason} (${tests})`);
  console.log(`── ${name}: ${formatCounts(counts)} (${((Date.now() - startedAt) / 1000).toFixed(1)} s)`);
  return counts;
}

/** A runner that fails without a failed test, or without a report, has failed all the same. */
function countStep(name: string, ok: boolean, count: Step['count']): TestCounts {
  const stepFailure = { failed: 1, failures: [`${name}: the step itself; its output says why`] };
  if (!count) return ok ? { passed: 1, failed: 0, skipped: 0 } : { passed: 0, skipped: 0, ...stepFailure };
  try {
    const counts = count();
    return ok || counts.failed > 0 ? counts : { ...counts, ...stepFailure };
  } catch (error) {
    console.error(error);
    return { passed: 0, skipped: 0, ...stepFailure };
  }
}

rmSync(RESULTS, { recursive: true, force: true });
mkdirSync(RESULTS, { recursive: true });
const total = addCounts(STEPS.map(runStep));
process.exitCode = total.failed > 0 ? 1 : 0;
if (total.failures?.length) console.log(`\nFailed:\n   ${total.failures.join('\n   ')}`);
console.log(`\n${formatCounts(total)}`);
