import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { type PoolWorker, runOnAll, startWorkers, WORKER_KINDS } from './worker-pool.ts';

const countRuns = (log: string): number => readFileSync(log, 'utf8').split('\n').length - 1;

describe.each(WORKER_KINDS)('a memoized function called by 4 %s at once', (kind) => {
  let members: PoolWorker[];
  beforeAll(() => {
    members = startWorkers(kind, 4);
  });

  it.each(['compute', 'computeLater'] as const)('runs once for all of them (%s)', async (job) => {
    using cache = new Cache(freshDirectory());
    const log = join(cache.directory, 'log');
    await runOnAll(members, 'open', cache.directory);
    for (let round = 1; round <= 3; round++) {
      const answers = await runOnAll(members, job, ['argument', round], 150, log);
      expect(answers).toEqual(members.map(() => ({ of: ['argument', round], by: log })));
      expect(countRuns(log)).toBe(round);
    }
  });
});

// A thread is known to be gone only when its lease has run out: its process is still there.
it('a memoized function is taken over from a process that died while it ran', async () => {
  const members = startWorkers('processes', 4);
  using cache = new Cache(freshDirectory());
  const log = join(cache.directory, 'log');
  writeFileSync(log, '');
  const [victim] = startWorkers('processes', 1);
  await runOnAll([victim!, ...members], 'open', cache.directory);
  void victim!.run('compute', 'k', 60_000, log);
  await victim!.waitForSignal('computing');
  const waiting = runOnAll(members, 'compute', 'k', 10, log);
  await victim!.kill();
  expect(await waiting).toEqual(members.map(() => ({ of: 'k', by: log })));
  expect(countRuns(log)).toBe(2);
});
