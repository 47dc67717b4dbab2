import { readdirSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { type PoolWorker, runOnAll, startWorkers, WORKER_KINDS } from './worker-pool.ts';

const WORKERS = 8;

const valueFiles = (directory: string): string[] =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.val'));

describe.each(WORKER_KINDS)('8 %s on one directory', (kind) => {
  let members: PoolWorker[];
  beforeAll(() => {
    members = startWorkers(kind, WORKERS);
  });

  it('count up to the exact sum', async () => {
    using cache = new Cache(freshDirectory());
    await runOnAll(members, 'open', cache.directory);
    await runOnAll(members, 'countUp', 'visits', 500);
    expect(cache.get('visits')).toBe(WORKERS * 500);
  });

  it('lose no update made inside a transaction', async () => {
    using cache = new Cache(freshDirectory());
    await runOnAll(members, 'open', cache.directory);
    await runOnAll(members, 'transferUp', 'visits', 200);
    expect(cache.get('visits')).toBe(WORKERS * 200);
  });

  it.each([
    ['rows', 100],
    ['files', 40_000],
  ])('add each key exactly once, to %s', async (where, length) => {
    using cache = new Cache(freshDirectory());
    const keys = Array.from({ length: 40 }, (_, n) => `key ${n}`);
    await runOnAll(members, 'open', cache.directory);
    const won = await Promise.all(members.map((member, n) => member.run('addAll', keys, `writer ${n}`, length)));
    expect(won.flat().sort()).toEqual([...keys].sort());

    for (const [n, mine] of won.entries()) {
      for (const key of mine) expect(cache.get(key)).toMatch(new RegExp(`^writer ${n} `));
    }
    // Who came second has left nothing behind.
    expect(valueFiles(cache.directory)).toHaveLength(where === 'files' ? keys.length : 0);
  });
});
