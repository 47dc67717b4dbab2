import { readFileSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';

/** What a runner counted, and why it left out what it left out. */
export interface TestCounts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** How many tests were skipped for each reason. */
  readonly reasons?: ReadonlyMap<string, number>;
  /** What failed, and with which message: said once more at the end, where nobody has to look for it. */
  readonly failures?: readonly string[];
}

export const formatCounts = ({ passed, failed, skipped }: TestCounts): string =>
  `${passed} passed, ${failed} failed, ${skipped} skipped`;

export const addCounts = (counts: readonly TestCounts[]): TestCounts =>
  counts.reduce((a, b) => ({
    passed: a.passed + b.passed,
    failed: a.failed + b.failed,
    skipped: a.skipped + b.skipped,
    failures: [...(a.failures ?? []), ...(b.failures ?? [])],
  }));

interface VitestReport {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    /** Why the file could not be run. */
    readonly message: string;
    readonly assertionResults: readonly VitestTest[];
  }[];
}

interface VitestTest {
  readonly status: string;
  readonly fullName: string;
  readonly failureMessages: readonly string[];
}

/** From the report of vitest's reporter `json`. */
export function readVitestCounts(path: string): TestCounts {
  const { testResults } = readJson<VitestReport>(path);
  const tests = testResults.flatMap(({ assertionResults }) => assertionResults);
  const passed = tests.filter(({ status }) => status === 'passed');
  const failed = tests.filter(({ status }) => status === 'failed');
  const skipped = tests.filter(({ status }) => status !== 'passed' && status !== 'failed');
  // A file that could not be loaded has no failed test, and is a failure all the same.
  const notLoaded = testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && !assertionResults.some((it) => it.status === 'failed'),
  );
  return {
    passed: passed.length,
    failed: failed.length + notLoaded.length,
    skipped: skipped.length,
    reasons: new Map(skipped.map(({ fullName }) => [fullName, 1])),
    failures: [
      ...notLoaded.map(({ name, message }) => formatFailure(name, message)),
      ...failed.map(({ fullName, failureMessages }) => formatFailure(fullName, failureMessages[0])),
    ],
  };
}

interface PlaywrightSuite {
  readonly suites?: readonly PlaywrightSuite[];
  readonly specs: readonly {
    readonly title: string;
    readonly file: string;
    readonly tests: readonly PlaywrightTest[];
  }[];
}

interface PlaywrightTest {
  readonly status: string;
  readonly projectName: string;
  readonly annotations: readonly { readonly type: string; readonly description?: string }[];
  readonly results: readonly { readonly errors: readonly { readonly message?: string }[] }[];
}

interface PlaywrightReport {
  readonly suites: readonly PlaywrightSuite[];
  readonly errors: readonly { readonly message?: string }[];
}

/** From the report of Playwright's reporter `json`. */
export function readPlaywrightCounts(path: string): TestCounts {
  const { suites, errors } = readJson<PlaywrightReport>(path);
  const tests = suites.flatMap(collectTests);
  const skipped = tests.filter(({ status }) => status === 'skipped');
  const failed = tests.filter(({ status }) => status === 'unexpected');
  const reasons = new Map<string, number>();
  for (const { annotations } of skipped) {
    const reason = annotations.find(({ type }) => type === 'skip')?.description ?? 'no reason given';
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  }
  return {
    passed: tests.length - failed.length - skipped.length,
    failed: failed.length + errors.length,
    skipped: skipped.length,
    reasons,
    failures: [
      ...failed.map(({ name, results }) => formatFailure(name, results.at(-1)?.errors[0]?.message)),
      ...errors.map(({ message }) => formatFailure('Playwright', message)),
    ],
  };
}

const collectTests = ({ suites = [], specs }: PlaywrightSuite): (PlaywrightTest & { readonly name: string })[] => [
  ...suites.flatMap(collectTests),
  ...specs.flatMap(({ title, file, tests }) =>
    tests.map((test) => ({ ...test, name: `[${test.projectName}] ${file} › ${title}` })),
  ),
];

/** A test, and the first lines of what it failed with. */
const formatFailure = (name: string, message = ''): string =>
  [
    name,
    ...stripVTControlCharacters(message || 'no message; the output says why')
      .split('\n')
      .slice(0, 6),
  ].join('\n     ');

const readJson = <T>(path: string): T => JSON.parse(readFileSync(path, 'utf8')) as T;
