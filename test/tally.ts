import { readFileSync } from 'node:fs';

/** What a runner counted, and why it left out what it left out. */
export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** How many tests were skipped for each reason. */
  readonly reasons?: ReadonlyMap<string, number>;
}

export const line = ({ passed, failed, skipped }: Tally): string =>
  `${passed} passed, ${failed} failed, ${skipped} skipped`;

export const sum = (tallies: readonly Tally[]): Tally =>
  tallies.reduce((a, b) => ({
    passed: a.passed + b.passed,
    failed: a.failed + b.failed,
    skipped: a.skipped + b.skipped,
  }));

interface VitestReport {
  readonly success: boolean;
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

/** From the report of vitest's reporter `json`. */
export function vitestTally(path: string): Tally {
  const { success, testResults } = json<VitestReport>(path);
  const tests = testResults.flatMap(({ assertionResults }) => assertionResults);
  const passed = tests.filter(({ status }) => status === 'passed').length;
  const failed = tests.filter(({ status }) => status === 'failed').length;
  const left = tests.filter(({ status }) => status !== 'passed' && status !== 'failed');
  return {
    passed,
    // A file that could not be loaded has no failed test, and is a failure all the same.
    failed: success ? failed : Math.max(1, failed),
    skipped: left.length,
    reasons: new Map(left.map(({ fullName }) => [fullName, 1])),
  };
}

interface Suite {
  readonly suites?: readonly Suite[];
  readonly specs: readonly { readonly tests: readonly EndToEndTest[] }[];
}

interface EndToEndTest {
  readonly status: string;
  readonly annotations: readonly { readonly type: string; readonly description?: string }[];
}

interface PlaywrightReport {
  readonly suites: readonly Suite[];
  readonly errors: readonly unknown[];
}

/** From the report of Playwright's reporter `json`. */
export function playwrightTally(path: string): Tally {
  const { suites, errors } = json<PlaywrightReport>(path);
  const tests = suites.flatMap(testsOf);
  const skipped = tests.filter(({ status }) => status === 'skipped');
  const reasons = new Map<string, number>();
  for (const { annotations } of skipped) {
    const reason = annotations.find(({ type }) => type === 'skip')?.description ?? 'no reason given';
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  }
  const failed = tests.filter(({ status }) => status === 'unexpected').length + errors.length;
  return { passed: tests.length - failed - skipped.length + errors.length, failed, skipped: skipped.length, reasons };
}

const testsOf = ({ suites = [], specs }: Suite): EndToEndTest[] => [
  ...suites.flatMap(testsOf),
  ...specs.flatMap(({ tests }) => tests),
];

const json = <T>(path: string): T => JSON.parse(readFileSync(path, 'utf8')) as T;
