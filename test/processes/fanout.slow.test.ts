import { describe, expect, it } from 'vitest';
import { FanoutCache } from '../../main/engine/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { PoolWorker, runOnAll, startWorkers, WORKER_KINDS } from './worker-pool.ts';

const MiB = 1024 * 1024;
const KEYS = Array.from({ length: 12 }, (_, n) => `key ${n}`);

describe.each(WORKER_KINDS)('%s on one FanoutCache', (kind) => {
  it('agree on the shards of a new directory, whatever number they request', async () => {
    const directory = freshDirectory();
    const opened = await Promise.allSettled(
      startWorkers(kind, 6).map((member, n) => member.run('openFanout', directory, { shards: 2 + (n % 3) })),
    );
    const counts = opened
      .filter(({ status }) => status === 'fulfilled')
      .map((one) => (one as { value: unknown }).value);
    using fanout = new FanoutCache(directory);
    expect(counts.length).toBeGreaterThan(0);
    expect(new Set(counts)).toEqual(new Set([fanout.shards]));
    for (const one of opened) if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'BAD_OPTION' });
  });

  it('count exactly', async () => {
    using fanout = new FanoutCache<string, number>(freshDirectory());
    const members = startWorkers(kind, 4);
    await runOnAll(members, 'openFanout', fanout.directory);
    await runOnAll(members, 'countFanout', KEYS, 50);
    expect(fanout.getMany(KEYS)).toEqual(KEYS.map(() => 200));
  });

  it('transact over shards in any order: no deadlock, no lost update', async () => {
    using fanout = new FanoutCache<string, number>(freshDirectory());
    const members = startWorkers(kind, 4);
    await runOnAll(members, 'openFanout', fanout.directory);
    const pairs = KEYS.map((key, n) => [key, KEYS[(n * 5 + 1) % 12]!] as const);
    const made = await Promise.all(
      members.map((member, n) =>
        member.run('transferFanout', n % 2 === 0 ? pairs : pairs.toReversed().map(([a, b]) => [b, a] as const), 20),
      ),
    );
    expect(made).toEqual([240, 240, 240, 240]);
    expect(fanout.getMany(KEYS).reduce<number>((sum, value) => sum + (value ?? 0), 0)).toBe(0);
    expect(fanout.check()).toEqual([]);
  });

  it('stay within one common limit', async () => {
    using fanout = new FanoutCache<string, Uint8Array>(freshDirectory(), { sizeLimit: 4 * MiB, shards: 4 });
    const members = startWorkers(kind, 4);
    await runOnAll(members, 'openFanout', fanout.directory);
    const volumes = await Promise.all([
      ...members.slice(0, 2).map((member, n) => member.run('fillFanout', `rows ${n}`, 2000, 2000)),
      ...members.slice(2).map((member, n) => member.run('fillFanout', `files ${n}`, 60, 70_000)),
    ]);
    // Beside others that write, one may be a write or two ahead of what it has counted.
    for (const volume of volumes) expect(volume).toBeLessThan(4.5 * MiB);
    fanout.set('last', new Uint8Array(1));
    fanout.cull();
    expect(fanout.volume()).toBeLessThanOrEqual(4 * MiB);
    expect(fanout.size).toBeGreaterThan(20);
    expect(fanout.check()).toEqual([]);
  });
});

describe('a process that is killed', () => {
  it('in the middle of transactions over shards leaves whole shards and no locks', async () => {
    using fanout = new FanoutCache<string, number>(freshDirectory());
    const pairs = KEYS.map((key, n) => [key, KEYS[(n * 5 + 1) % 12]!] as const);
    for (let round = 0; round < 5; round++) {
      const member = new PoolWorker('processes');
      await member.run('openFanout', fanout.directory);
      member.run('transferFanout', pairs, 1_000_000).catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 60 + round * 17));
      await member.kill();
      // Between two commits one key may have been moved and the other one not.
      const sum = fanout.getMany(KEYS).reduce<number>((total, value) => total + (value ?? 0), 0);
      expect(Math.abs(sum)).toBeLessThanOrEqual(round + 1);
      expect(fanout.check()).toEqual([]);
      fanout.transact(() => fanout.setMany(KEYS.map((key) => [key, fanout.get(key) ?? 0] as const)));
    }
  });
});
