import { describe, expect, it } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import { freshDirectory } from '../engine/directory.ts';
import { crew, KINDS, together } from './crew.ts';
import type { Pace } from './jobs.ts';

/** For the log: how long a set took, and how long the one that waited longest. */
function print(who: string, paces: readonly Pace[]): void {
  const of = (what: keyof Pace) => paces.map((pace) => pace[what].toFixed(what === 'worst' ? 0 : 2)).join(', ');
  console.log(`${who}: median set ${of('median')} ms; worst set ${of('worst')} ms`);
}

describe.each(KINDS)('%s that write at the same time', (kind) => {
  it('all get their turn within the default timeout, and nothing is lost', async () => {
    using cache = new Cache(freshDirectory());
    const members = crew(kind, 4);
    await together(members, 'open', cache.directory);
    const paces = await Promise.all(members.map((member, n) => member.do('setAll', `writer ${n}`, 1000)));
    expect(cache.size).toBe(4 * 1000);
    print(`4 ${kind} writing`, paces);
  });

  it('pull from a queue what others push: each item once, in order', async () => {
    using cache = new Cache(freshDirectory());
    const members = crew(kind, 6);
    await together(members, 'open', cache.directory);
    const pulled = await Promise.all(
      members.map(async (member, n) => {
        if (n >= 3) return (await member.do('pullAll', 3)) as [string, number][];
        await member.do('pushAll', `pusher ${n}`, 150);
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
