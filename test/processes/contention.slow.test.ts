import { describe, expect, it } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import type { JobTimings } from './jobs.ts';
import { runOnAll, startWorkers, WORKER_KINDS } from './worker-pool.ts';

/** For the log: how long a set took, and how long the one that waited longest. */
function printPaces(who: string, paces: readonly JobTimings[]): void {
  const of = (what: keyof JobTimings) => paces.map((pace) => pace[what].toFixed(what === 'worst' ? 0 : 2)).join(', ');
  console.log(`${who}: median set ${of('median')} ms; worst set ${of('worst')} ms`);
}

describe.each(WORKER_KINDS)('%s that write at the same time', (kind) => {
  it('all succeed within the default timeout, and nothing is lost', async () => {
    using cache = new Cache(freshDirectory());
    const members = startWorkers(kind, 4);
    await runOnAll(members, 'open', cache.directory);
    const paces = await Promise.all(members.map((member, n) => member.run('setAll', `writer ${n}`, 1000)));
    expect(cache.size).toBe(4 * 1000);
    printPaces(`4 ${kind} writing`, paces);
  });

  it('pull each item that others push once, in order', async () => {
    using cache = new Cache(freshDirectory());
    const members = startWorkers(kind, 6);
    await runOnAll(members, 'open', cache.directory);
    const pulled = await Promise.all(
      members.map(async (member, n) => {
        if (n >= 3) return (await member.run('pullAll', 3)) as [string, number][];
        await member.run('pushAll', `pusher ${n}`, 150);
        return [];
      }),
    );
    const sorted = pulled.flat().sort(([a, n], [b, m]) => a.localeCompare(b) || n - m);
    expect(sorted).toEqual(
      [0, 1, 2].flatMap((pusher) => Array.from({ length: 150 }, (_, n) => [`pusher ${pusher}`, n])),
    );
    for (const mine of pulled) {
      for (const pusher of [0, 1, 2]) {
        const turns = mine.filter(([from]) => from === `pusher ${pusher}`).map(([, turn]) => turn);
        expect(turns).toEqual([...turns].sort((a, b) => a - b));
      }
    }
    expect(cache.peek()).toBeUndefined();
  });
});
