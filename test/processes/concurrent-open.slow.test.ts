import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { runOnAll, startWorkers, WORKER_KINDS } from './worker-pool.ts';

/** CI takes 100 (`STORM_ROUNDS=100`). */
const ROUNDS = Number(process.env['STORM_ROUNDS'] ?? 30);

it.each(WORKER_KINDS)('30 %s open one new directory at the same time, and all succeed', async (kind) => {
  const directory = join(freshDirectory(), 'new', 'one');
  const members = startWorkers(kind, 30);
  await runOnAll(members, 'pid');
  await runOnAll(members, 'open', directory, { sizeLimit: 64 * 1024 * 1024, evictionPolicy: 'sieve' });
  await Promise.all(members.map((member, n) => member.run('set', n, `member ${n}`)));
  expect(await runOnAll(members, 'size')).toEqual(members.map(() => 30));
  await runOnAll(members, 'close');

  using cache = new Cache(directory);
  expect([...cache.keys({ order: 'key' })]).toEqual(members.map((_, n) => n));
});

it.each(WORKER_KINDS)(
  `8 %s open ${ROUNDS} new directories, one after the other, each at the same time`,
  async (kind) => {
    // Regression: who had seen the empty file while another one filled it could be told `no such table`.
    const members = startWorkers(kind, 8);
    for (let round = 0; round < ROUNDS; round++) {
      const directory = freshDirectory();
      await runOnAll(members, 'open', directory);
      await runOnAll(members, 'set', 'k', round);
      expect(await runOnAll(members, 'get', 'k')).toEqual(members.map(() => round));
      await runOnAll(members, 'close');
    }
  },
);
