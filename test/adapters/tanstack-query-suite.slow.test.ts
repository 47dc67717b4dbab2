import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { ROOT } from '../docs/fences.ts';
import { STORES } from './places.ts';

/**
 * TanStack Query has the tests of its persisters in its repository only, over a `Map` as storage. This runs them from a checkout with that
 * replaced by the adapter: give the folder in this variable. docs/guide-adapters.md has the last result.
 */
const VARIABLE = 'DESKCACHE_QUERY_CHECKOUT';
const checkout = process.env[VARIABLE];

const PACKAGE = '@tanstack/query-persist-client-core';

/** Replaces the storage that the suite's tests create. */
const STORAGE = `
import { queryPersister, queryStorage } from '${ROOT}/main/adapters/tanstack-query.ts';
import { openHost, STORES } from '${ROOT}/test/adapters/places.ts';
export { createSpyPersister } from './own-utils.ts';

const t = await openHost();
const open = STORES[process.env.PLACE];
export function getFreshStorage() {
  for (const store of Object.values(t.host.stores)) store.clear();
  return queryStorage(open(t)).storage;
}
export const createMockPersister = () => queryPersister(open(t), { throttleTime: 0 });
`;

/** That of the package, which need not be the newest. */
const NESTED_CORE = join(ROOT, 'node_modules', PACKAGE, 'node_modules/@tanstack/query-core');
const CORE = existsSync(NESTED_CORE) ? NESTED_CORE : join(ROOT, 'node_modules/@tanstack/query-core');

const CONFIG = `
export default {
  resolve: {
    alias: {
      '@tanstack/query-core': '${CORE}',
      '@tanstack/query-test-utils': import.meta.dirname + '/sleep.ts',
    },
  },
};
`;

/** Returns a test file with the imports of a package's user, and without a storage of its own. */
function adapt(text: string): string {
  const adapted = text
    .replaceAll(/'\.\.\/(createPersister|persist)'/g, `'${PACKAGE}'`)
    .replace("'./utils'", "'./deskcache-storage.ts'")
    .replace(
      /^function getFreshStorage\(\) \{\n[\s\S]*?^\}\n/m,
      "import { getFreshStorage } from './deskcache-storage.ts';\n",
    );
  // Otherwise it would pass over a storage that isn't this adapter.
  if (!adapted.includes('./deskcache-storage.ts'))
    throw new Error('The tests of this checkout create their storage in another way');
  return adapted;
}

function copySuite(from: string): string {
  mkdirSync(join(ROOT, 'test-results'), { recursive: true });
  const folder = mkdtempSync(join(ROOT, 'test-results', 'query-suite-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const source = join(from, 'packages/query-persist-client-core/src/__tests__');
  for (const name of ['createPersister', 'persist'])
    writeFileSync(join(folder, `${name}.test.ts`), adapt(readFileSync(join(source, `${name}.test.ts`), 'utf8')));
  writeFileSync(join(folder, 'own-utils.ts'), readFileSync(join(source, 'utils.ts')));
  writeFileSync(
    join(folder, 'sleep.ts'),
    'export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));\n',
  );
  writeFileSync(join(folder, 'deskcache-storage.ts'), STORAGE);
  writeFileSync(join(folder, 'vitest.config.mjs'), CONFIG);
  return folder;
}

interface Report {
  readonly numTotalTests: number;
  readonly numPassedTests: number;
  readonly testResults: readonly {
    readonly message: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

async function runSuite(folder: string, place: string): Promise<Report> {
  const report = join(folder, 'report.json');
  const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs');
  const args = [vitest, 'run', '--root', folder, '--reporter=json', `--outputFile=${report}`];
  // Exits with 1 if a test failed; the report says which.
  await new Promise<void>((resolve) => {
    execFile(process.execPath, args, { cwd: folder, env: { ...process.env, PLACE: place } }, () => resolve());
  });
  return JSON.parse(readFileSync(report, 'utf8')) as Report;
}

const PLACES = Object.keys(STORES);

if (checkout === undefined) {
  it.skip(`the persister tests of TanStack Query: need a checkout of TanStack/query in ${VARIABLE}`);
} else {
  it.each(PLACES)('the 51 persister tests of TanStack Query over %s', async (place) => {
    const { numTotalTests, numPassedTests, testResults } = await runSuite(copySuite(checkout), place);
    const failed = testResults.flatMap(({ message, assertionResults }) => [
      ...(message === '' ? [] : [message]),
      ...assertionResults.flatMap(({ status, fullName, failureMessages }) =>
        status === 'passed' ? [] : [`${fullName}: ${failureMessages.join()}`],
      ),
    ]);
    expect(failed).toEqual([]);
    expect([numPassedTests, numTotalTests]).toEqual([51, 51]);
  });
}
