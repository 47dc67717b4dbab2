import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type UnstorageDriver, unstorageDriver } from '../../main/adapters/unstorage.ts';
import { type AdapterTestHost, CACHES, openHost } from './places.ts';

/**
 * unstorage has its suite for drivers in its repository only. This runs it from a checkout, in which `npm install` was run: give the
 * folder in this variable. docs/guide-adapters.md has the last result.
 */
const VARIABLE = 'DESKCACHE_UNSTORAGE_CHECKOUT';
const checkout = process.env[VARIABLE];

interface SuiteOptions {
  readonly driver: () => UnstorageDriver;
  /** Runs between its tests. */
  readonly additionalTests: (context: { readonly driver: UnstorageDriver }) => void;
}

/** Registers the tests of its `describe`. */
type TestDriver = (options: SuiteOptions) => void;

if (checkout === undefined) {
  it.skip(`the driver suite of unstorage: needs a checkout of unjs/unstorage in ${VARIABLE}`);
} else {
  const path = join(checkout, 'test/drivers/utils.ts');
  const { testDriver } = (await import(path)) as { testDriver: TestDriver };
  const count = readFileSync(path, 'utf8').match(/^ {2}it[.(]/gm)?.length;
  const { version } = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8')) as { readonly version: string };

  describe.each(Object.entries(CACHES))('unstorage over %s', (_, open) => {
    let t: AdapterTestHost;
    beforeAll(async () => {
      t = await openHost();
    });
    afterAll(() => t.close());

    describe(`test/drivers/utils of unstorage ${version}, ${count} tests`, () => {
      testDriver({
        driver: () => unstorageDriver(open(t)),
        additionalTests: (context) => {
          it('the driver of the suite is this one', () => expect(context.driver.name).toBe('deskcache'));
        },
      });
    });
  });
}
