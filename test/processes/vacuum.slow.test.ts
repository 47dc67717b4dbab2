import { expect, it } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { startWorkers, WORKER_KINDS } from './worker-pool.ts';

it.each(WORKER_KINDS)('%s that write never take the vacuum of another one for a truncated file', async (kind) => {
  using cache = new Cache(freshDirectory());
  const writers = startWorkers(kind, 2);
  const [vacuumer] = startWorkers('processes', 1);
  const members = [...writers, vacuumer!];
  await Promise.all(members.map((member) => member.run('open', cache.directory, { timeout: 30_000, durability: 'power' })));
  const [shortened] = await Promise.all([
    vacuumer!.run('vacuum', 60),
    ...writers.map((member, n) => member.run('fillAndDelete', `writer ${n}`, 8)),
  ]);
  expect(shortened).toBeGreaterThan(0);
  expect(cache.check()).toEqual([]);
  expect(cache.size).toBe(0);
});
