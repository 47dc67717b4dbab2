import { once } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { MessageChannel, Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { FULL_GRANT } from '../../main/bridge/grant.ts';
import { openSession } from '../../main/bridge/session.ts';
import { Cache } from '../../main/engine/index.ts';
import { freshDirectory } from '../engine/directory.ts';

const MB = 1_000_000;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** What this thread, which is the main process, has in memory; the page's thread has its own. */
function held(): number {
  // What the first one finds is swept beside the program, and away with the second.
  collectGarbage();
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

it('500 MB go there and back while the main process grows by less than 32 MB', { timeout: 120_000 }, async () => {
  using cache = new Cache(freshDirectory());
  const { port1, port2 } = new MessageChannel();
  openSession(port1 as never, FULL_GRANT, () => cache);
  const before = held();
  let most = before;
  let looks = 0;
  const looking = setInterval(() => {
    most = Math.max(most, held());
    looks++;
  }, 100);
  const page = new Worker(new URL('./large-page.ts', import.meta.url), {
    workerData: { port: port2, bytes: 500 * MB },
    transferList: [port2],
  });
  expect(await once(page, 'message')).toEqual(['stored']);
  expect(cache.openBytes('large')?.size).toBe(500 * MB);
  expect(await once(page, 'message')).toEqual(['same']);
  clearInterval(looking);
  expect(looks).toBeGreaterThan(5);
  expect((most - before) / MB).toBeLessThan(32);
  await page.terminate();
  port1.close();
});
