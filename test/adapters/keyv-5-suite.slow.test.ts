import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import keyvTestSuite, { keyvIteratorTests } from '@keyv/test-suite';
import Keyv from 'keyv';
import * as vitest from 'vitest';
import { afterAll, beforeAll, describe } from 'vitest';
import { keyv5Store } from '../../main/adapters/keyv.ts';
import { type AdapterTestHost, CACHES, openHost } from './places.ts';

const { version } = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../node_modules/@keyv/test-suite/package.json'), 'utf8'),
) as { readonly version: string };

/** Registers the whole suite with a test runner. */
function registerSuite(runner: typeof vitest, createStore: () => unknown): void {
  keyvTestSuite(runner, Keyv, createStore as never);
  keyvIteratorTests(runner, Keyv, createStore as never);
}

function countTests(): number {
  let count = 0;
  const runner = { it: () => count++, beforeEach: () => undefined, afterEach: () => undefined };
  registerSuite(runner as never, () => undefined);
  return count;
}

describe.each(Object.entries(CACHES))('Keyv 5 over %s', (_, open) => {
  let t: AdapterTestHost;
  let cache: ReturnType<typeof open>;
  beforeAll(async () => {
    t = await openHost();
    cache = open(t);
  });
  afterAll(() => t.close());

  describe(`@keyv/test-suite ${version}, ${countTests()} tests`, () => {
    registerSuite(vitest, () => keyv5Store(cache));
  });
});
