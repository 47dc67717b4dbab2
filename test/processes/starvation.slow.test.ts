import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { runOnAll, startWorkers, WORKER_KINDS } from './worker-pool.ts';

it.each(WORKER_KINDS)('no writer among %s starves beside one that holds the lock nearly all the time', async (kind) => {
  const directory = freshDirectory();
  const release = join(directory, 'release');
  const members = startWorkers(kind, 4);
  await runOnAll(members, 'open', directory);
  const [hog, ...writers] = members;
  // It stops when the others are done, which has to be long before it has had its fill (three default timeouts).
  const hogging = hog!.run('hog', 'hog', 15, release, 1000);
  const paces = await Promise.all(writers.map((member, n) => member.run('setAll', `writer ${n}`, 20)));
  writeFileSync(release, '');
  const hogged = await hogging;
  expect(hogged.times).toBeLessThan(1000);
  using cache = new Cache(directory);
  expect(cache.size).toBe(hogged.times + 3 * 20);
  const worst = paces.map((pace) => pace.worst.toFixed(0)).join(', ');
  console.log(`3 ${kind} beside one with transactions of 15 ms without a break: worst set ${worst} ms`);
});
