import { readFileSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';

/** What a runner counted, and why it left out what it left out. */
export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** How many tests were skipped for each reason. */
  readonly reasons?: ReadonlyMap<string, number>;
  /** What failed, and with which message: said once more at the end, where nobody has to look for it. */
  readonly failures?: readonly string[];
}

export const line = ({ passed, failed, skipped }: Tally): string =>
  `${passed} passed, ${failed} failed, ${skipped} skipped`;

export const sum = (tallies: readonly Tally[]): Tally =>
  tallies.reduce((a, b) => ({
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
export function vitestTally(path: string): Tally {
  const { testResults } = json<VitestReport>(path);
  const tests = testResults.flatMap(({ assertionResults }) => assertionResults);
  const passed = tests.filter(({ status }) => status === 'passed');
  const failed = tests.filter(({ status }) => status === 'failed');
  const left = tests.filter(({ status }) => status !== 'passed' && status !== 'failed');
  // A file that could not be loaded has no failed test, and is a failure all the same.
  const unloaded = testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && !assertionResults.some((it) => it.status === 'failed'),
  );
  return {
    passed: passed.length,
    failed: failed.length + unloaded.length,
    skipped: left.length,
    reasons: new Map(left.map(({ fullName }) => [fullName, 1])),
    failures: [
      ...unloaded.map(({ name, message }) => failure(name, message)),
      ...failed.map(({ fullName, failureMessages }) => failure(fullName, failureMessages[0])),
    ],
  };
}

interface Suite {
  readonly suites?: readonly Suite[];
  readonly specs: readonly { readonly title: string; readonly file: string; readonly tests: readonly EndToEndTest[] }[];
}

interface EndToEndTest {
  readonly status: string;
  readonly projectName: string;
  readonly annotations: readonly { readonly type: string; readonly description?: string }[];
  readonly results: readonly { readonly errors: readonly { readonly message?: string }[] }[];
}

interface PlaywrightReport {
  readonly suites: readonly Suite[];
  readonly errors: readonly { readonly message?: string }[];
}

/** From the report of Playwright's reporter `json`. */
export function playwrightTally(path: string): Tally {
  const { suites, errors } = json<PlaywrightReport>(path);
  const tests = suites.flatMap(testsOf);
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
      ...failed.map(({ name, results }) => failure(name, results.at(-1)?.errors[0]?.message)),
      ...errors.map(({ message }) => failure('Playwright', message)),
    ],
  };
}

const testsOf = ({ suites = [], specs }: Suite): (EndToEndTest & { readonly name: string })[] => [
  ...suites.flatMap(testsOf),
  ...specs.flatMap(({ title, file, tests }) =>
    tests.map((test) => ({ ...test, name: `[${test.projectName}] ${file} › ${title}` })),
  ),
];

/** A test, and the first lines of what it failed with. */
const failure = (name: string, message = ''): string =>
  [
    name,
    ...stripVTControlCharacters(message || 'no message; the output says why')
      .split('\n')
      .slice(0, 6),
  ].join('\n     ');

const json = <T>(path: string): T => JSON.parse(readFileSync(path, 'utf8')) as T;
