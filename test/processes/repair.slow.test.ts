import { expect, it } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { startWorkers, WORKER_KINDS } from './worker-pool.ts';

it.each(WORKER_KINDS)('repair removes nothing from %s that are writing', async (kind) => {
  using cache = new Cache<readonly [string, number], string>(freshDirectory());
  const members = startWorkers(kind, 3);
  await Promise.all(members.map((member) => member.run('open', cache.directory, { timeout: 30_000 })));
  let writing = members.length;
  const written = Promise.all(
    members.map((member, n) => member.run('setFiles', `writer ${n}`, 120).finally(() => writing--)),
  );
  let checks = 0;
  for (; writing > 0; checks++) {
    // A file that has just been replaced and is about to be removed belongs to no row.
    expect(cache.check({ repair: true }).filter(({ code }) => code !== 'orphan')).toEqual([]);
    await new Promise(setImmediate);
  }
  await written;
  expect(checks).toBeGreaterThan(1);
  expect(cache.check()).toEqual([]);
  expect(cache.size).toBeGreaterThan(3 * 4);
  for (const [, text] of cache) expect(text).toBe(text[0]!.repeat(40_000));
});
