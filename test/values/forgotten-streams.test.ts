import { readdirSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import { createHttpCache } from '../../main/offline/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { collectAllGarbage } from '../gc.ts';

const BYTES = new Uint8Array(3_000_000).fill(7);

/** Returns the number of value files this process has open, placed and staged. */
function countOpenFiles(directory: string): number {
  const targets = readdirSync('/proc/self/fd').map((descriptor) => {
    try {
      return readlinkSync(`/proc/self/fd/${descriptor}`);
    } catch {
      return '';
    }
  });
  return targets.filter((path) => path.startsWith(directory) && !basename(path).startsWith('cache.db')).length;
}

const warnings: string[] = [];
const onWarning = (warning: Error & { code?: string }) => warnings.push(warning.code ?? warning.message);
beforeEach(() => {
  warnings.length = 0;
  process.on('warning', onWarning);
});
afterEach(() => void process.off('warning', onWarning));

/** Node warns when a `FileHandle` is garbage-collected while open (DEP0137); from version 25 on the process ends. */
async function expectClosedQuietly(directory: string): Promise<void> {
  await expect
    .poll(
      async () => {
        await collectAllGarbage();
        return countOpenFiles(directory);
      },
      { timeout: 20_000 },
    )
    .toBe(0);
  expect(warnings).toEqual([]);
}

/** In a function of its own, so that no variable of the test holds it. */
async function openAndForget(open: () => Promise<unknown>, times = 5): Promise<void> {
  for (let time = 0; time < times; time++) await open();
}

it.runIf(process.platform === 'linux')(
  'a stream that a reader forgets half-way closes its file, without a word',
  async () => {
    using cache = new Cache<string, Uint8Array>(freshDirectory());
    cache.set('k', BYTES);
    await openAndForget(async () => void (await cache.openReadStream('k')!.getReader().read()));
    expect(countOpenFiles(cache.directory)).toBeGreaterThan(0);
    await expectClosedQuietly(cache.directory);
  },
);

it.runIf(process.platform === 'linux')('so does a response whose body is not read', async () => {
  using cache = new Cache<string, Uint8Array>(freshDirectory());
  const answer = async () => new Response(BYTES, { headers: { 'cache-control': 'max-age=600' } });
  const http = createHttpCache({ cache: cache as never, fetch: answer });
  await (await http.fetch('http://a.example/')).arrayBuffer();
  await openAndForget(() => http.fetch('http://a.example/'));
  expect(countOpenFiles(cache.directory)).toBeGreaterThan(0);
  await expectClosedQuietly(cache.directory);
});

it.runIf(process.platform === 'linux')(
  'so does a stream to write whose source is forgotten before its end',
  async () => {
    using cache = new Cache<string, Uint8Array>(freshDirectory());
    await openAndForget(async () => {
      async function* source() {
        yield BYTES;
        await new Promise(() => {});
      }
      void cache.writeStream('k', source());
      await expect.poll(() => countOpenFiles(cache.directory)).toBeGreaterThan(0);
    }, 2);
    await expectClosedQuietly(cache.directory);
    expect(cache.get('k')).toBeUndefined();
  },
);
