import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { freshDirectory } from '../../engine/fresh-directory.ts';

const FOLDER = 'service-workers/cache-storage';
const RUN = join(import.meta.dirname, 'run.ts');

/** Tests that do not apply, or of features that are missing by choice. */
const FAILING = [
  // Node's fetch has no opaque responses.
  'Cache.match ignores vary headers on opaque response.',
  'Cache.put with a VARY:* opaque response should not reject',
  'Cache.put with opaque-filtered HTTP 206 response',
  'CacheStorage.delete dooms, but does not delete immediately', // what was deleted is deleted
  'cors-exposed header should be stored correctly.', // Node's fetch hides no fields between origins
];
/** Buckets are another standard. */
const LEFT_OUT = ['cache-storage-buckets.https.any.js'];

/** A checkout of web-platform-tests/wpt, which is not part of this repository. */
const root = process.env['WPT'];

describe('web-platform-tests: service-workers/cache-storage', () => {
  it.skipIf(root === undefined).each(['main', 'page'])(
    'passes all tests that apply in the CacheStorage of %s (WPT=<checkout>)',
    async (where) => {
      const files = readdirSync(join(root!, FOLDER)).filter((it) => it.endsWith('.any.js') && !LEFT_OUT.includes(it));
      const outcomes: { readonly name: string; readonly fault: string | null }[] = [];
      for (const file of files) {
        const run = promisify(execFile)(process.execPath, [RUN, root!, `${FOLDER}/${file}`, freshDirectory(), where]);
        outcomes.push(...JSON.parse((await run).stdout));
      }
      const failed = outcomes.filter(({ fault }) => fault !== null);
      console.log(`${FOLDER} in ${where}: ${outcomes.length} run, ${outcomes.length - failed.length} passed`);
      for (const { name, fault } of failed) console.log(`  ${name}: ${fault}`);
      expect(outcomes.length).toBeGreaterThan(90);
      expect(failed.map(({ name }) => name).sort()).toEqual(FAILING);
    },
  );
});
