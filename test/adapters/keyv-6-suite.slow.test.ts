import Keyv from 'keyv-6';
import { afterAll, afterEach, beforeAll, describe, it } from 'vitest';
import { keyvStore } from '../../main/adapters/keyv.ts';
import { type AdapterTestHost, CACHES, clearStores, openHost } from './places.ts';

/**
 * Keyv publishes the test suite of version 6 in its repository only. This runs it from a checkout: in `core/test-suite` of that, run
 * `npm install` and then the tests with the folder of the checkout in this variable. docs/guide-adapters.md has the last result.
 */
const VARIABLE = 'DESKCACHE_KEYV_CHECKOUT';
const checkout = process.env[VARIABLE];

type Register = (test: unknown, ...args: unknown[]) => void;
type Suite = Readonly<Record<'storageTestSuite' | 'keyvTestSuite' | 'keyvIteratorTests', Register>>;

const suite: Suite | undefined = checkout && (await import(`${checkout}/core/test-suite/src/index.ts`));

/** Registers all of it that concerns a store. */
function registerSuite(test: unknown, createStore: () => unknown): void {
  suite?.storageTestSuite(test, createStore);
  suite?.keyvTestSuite(test, Keyv, createStore);
  suite?.keyvIteratorTests(test, Keyv, createStore);
}

function countTests(): number {
  let count = 0;
  registerSuite(
    () => count++,
    () => undefined,
  );
  return count;
}

if (suite === undefined) {
  it.skip(`the test suite of Keyv 6: needs a checkout of jaredwray/keyv in ${VARIABLE}`);
} else {
  describe.each(Object.entries(CACHES))('Keyv 6 over %s', (_, open) => {
    let t: AdapterTestHost;
    let cache: ReturnType<typeof open>;
    beforeAll(async () => {
      t = await openHost();
      cache = open(t);
    });
    afterAll(() => t.close());

    describe(`core/test-suite of Keyv, ${countTests()} tests`, () => {
      afterEach(() => clearStores(t));
      registerSuite(it, () => keyvStore(cache));
    });
  });
}
