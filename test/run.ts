/**
 * `npm test`: everything there is to check, one runner after the other, fast ones first. Ends with the one line
 * `N passed, N failed, N skipped`, summed over all runners; a step without tests of its own counts as one.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

interface Step {
  readonly name: string;
  readonly command: string;
  /** Reads what the runner counted from its report. Without it the exit code counts as one test. */
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
    command: 'publint --strict && attw --pack . --profile esm-only --exclude-entrypoints preload --quiet',
  },
  {
    name: 'unit, model, crash and process tests',
    command: `vitest run --reporter=default --reporter=json --outputFile.json=${UNIT}`,
    count: () => {
      const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, success } = json<VitestReport>(UNIT);
      // A file that could not be loaded has no failed test, and is a failure all the same.
      const failed = success ? numFailedTests : Math.max(1, numFailedTests);
      return { passed: numPassedTests, failed, skipped: numPendingTests + numTodoTests };
    },
  },
  {
    name: 'end-to-end tests, in Electron where its runtime is, and in the stand-in',
    command: 'playwright test --config e2e/playwright.config.ts --reporter=list,json',
    count: () => {
      const { stats, errors } = json<PlaywrightReport>(E2E);
      return { passed: stats.expected + stats.flaky, failed: stats.unexpected + errors.length, skipped: stats.skipped };
    },
  },
];

interface VitestReport {
  readonly success: boolean;
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
}

interface PlaywrightReport {
  readonly stats: {
    readonly expected: number;
    readonly unexpected: number;
    readonly flaky: number;
    readonly skipped: number;
  };
  readonly errors: readonly unknown[];
}

const json = <T>(path: string): T => JSON.parse(readFileSync(path, 'utf8')) as T;

function run({ name, command, count }: Step): Tally {
  console.log(`\n── ${name}`);
  const started = Date.now();
  const { status } = spawnSync(command, {
    shell: true,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, PLAYWRIGHT_JSON_OUTPUT_NAME: E2E },
  });
  const tally = tallyOf(status, count);
  console.log(`── ${name}: ${line(tally)} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
  return tally;
}

function tallyOf(status: number | null, count: Step['count']): Tally {
  const ok = status === 0;
  if (!count) return { passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: 0 };
  try {
    const tally = count();
    return ok || tally.failed > 0 ? tally : { ...tally, failed: 1 };
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  }
}

const line = ({ passed, failed, skipped }: Tally) => `${passed} passed, ${failed} failed, ${skipped} skipped`;

rmSync(RESULTS, { recursive: true, force: true });
mkdirSync(RESULTS, { recursive: true });
const total = STEPS.map(run).reduce((sum, tally) => ({
  passed: sum.passed + tally.passed,
  failed: sum.failed + tally.failed,
  skipped: sum.skipped + tally.skipped,
}));
process.exitCode = total.failed > 0 ? 1 : 0;
console.log(`\n${line(total)}`);
