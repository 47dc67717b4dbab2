import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import { freshDirectory } from '../engine/directory.ts';
import { crew, KINDS, type Member, together } from './crew.ts';

const runs = (log: string): number => readFileSync(log, 'utf8').split('\n').length - 1;

describe.each(KINDS)('a memoized function called by 4 %s at once', (kind) => {
  let members: Member[];
  beforeAll(() => {
    members = crew(kind, 4);
  });

  it.each(['compute', 'computeLater'] as const)('runs once for all (%s)', async (job) => {
    using cache = new Cache(freshDirectory());
    const log = join(cache.directory, 'log');
    await together(members, 'open', cache.directory);
    for (let round = 1; round <= 3; round++) {
      const answers = await together(members, job, ['argument', round], 150, log);
      expect(answers).toEqual(members.map(() => ({ of: ['argument', round], by: log })));
      expect(runs(log)).toBe(round);
    }
  });
});

// A thread is known to be gone only when its lease has run out: its process is still there.
it('a memoized function is taken over from a process that died while it ran', async () => {
  const members = crew('processes', 4);
  using cache = new Cache(freshDirectory());
  const log = join(cache.directory, 'log');
  writeFileSync(log, '');
  const [victim] = crew('processes', 1);
  await together([victim!, ...members], 'open', cache.directory);
  void victim!.do('compute', 'k', 60_000, log);
  await victim!.signal('computing');
  const waiting = together(members, 'compute', 'k', 10, log);
  await victim!.end();
  expect(await waiting).toEqual(members.map(() => ({ of: 'k', by: log })));
  expect(runs(log)).toBe(2);
});
