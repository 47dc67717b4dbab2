import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Deque, Index } from '../../main/engine/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { runOnAll, startWorkers, WORKER_KINDS } from './worker-pool.ts';

describe.each(WORKER_KINDS)('%s', (kind) => {
  it('that push and shift at once lose nothing and get everything once, each writer in its order', async () => {
    using deque = new Deque<unknown>(freshDirectory(), { durability: 'process', timeout: 30_000 });
    const members = startWorkers(kind, 4);
    await runOnAll(members, 'reopen', deque.describe());
    const taking = [members[2]!.run('shiftUntil', 1), members[3]!.run('shiftUntil', 1)];
    await Promise.all([members[0]!.run('pushEach', 'a', 400), members[1]!.run('pushEach', 'b', 400)]);
    deque.push('end', 'end');
    const taken = (await Promise.all(taking)) as [string, number][][];
    for (const mine of taken) {
      for (const writer of ['a', 'b']) {
        const turns = mine.filter(([by]) => by === writer).map(([, turn]) => turn);
        expect(turns).toEqual(turns.toSorted((a, b) => a - b));
      }
    }
    const everything = taken.flat().map(([writer, turn]) => `${writer} ${turn}`);
    expect(everything).toHaveLength(800);
    expect(new Set(everything).size).toBe(800);
    expect(deque.length).toBe(0);
  });

  it('that rotate a deque at once keep it whole, and none sees an intermediate state', async () => {
    using deque = new Deque<number>(freshDirectory(), { durability: 'process', timeout: 30_000 });
    deque.extend(Array(101).keys());
    const members = startWorkers(kind, 3);
    await runOnAll(members, 'reopen', deque.describe());
    const [, , lengths] = await Promise.all([
      members[0]!.run('turn', 40),
      members[1]!.run('turn', 40),
      members[2]!.run('lengths', 150),
    ]);
    expect(lengths).toEqual([101]);
    expect([...deque].sort((a, b) => a - b)).toEqual(Array.from(Array(101).keys()));
    expect(deque.check()).toEqual([]);
  });

  it('that migrate at once: one does, the others wait and find it done', async () => {
    const directory = freshDirectory();
    const log = join(freshDirectory(), 'log');
    {
      using index = new Index<string, unknown>(directory);
      index.set('a', 1).set('b', 2);
    }
    const members = startWorkers(kind, 3);
    await runOnAll(members, 'pid');
    const found = await runOnAll(members, 'migrate', directory, 2, 200, log);
    expect(found).toEqual(
      members.map(() => [
        ['a', [1]],
        ['b', [2]],
      ]),
    );
    expect(readFileSync(log, 'utf8')).toBe('from 1\n');
    await expect(members[0]!.run('migrate', directory, 1, 0, log)).rejects.toMatchObject({
      code: 'UNSUPPORTED_VERSION',
    });
  });

  it('that open one new directory as different things: one kind wins, the others are refused', async () => {
    const directory = join(freshDirectory(), 'new');
    const members = startWorkers(kind, 4);
    await runOnAll(members, 'pid');
    const description = (of: 'deque' | 'index') => ({ kind: of, directory, options: {}, required: [] }) as const;
    const opened = await Promise.allSettled(
      members.map((member, n) => member.run('reopen', description(n % 2 === 0 ? 'deque' : 'index'))),
    );
    const refused = opened.filter((it) => it.status === 'rejected');
    expect(refused).toHaveLength(2);
    for (const { reason } of refused) expect(reason).toMatchObject({ code: 'BAD_OPTION' });
    await runOnAll(members, 'closeCollection');
  });
});
