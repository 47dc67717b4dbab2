import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { beforeAll, describe, expect, it } from 'vitest';
import { Averager, Cache, Lock } from '../../main/engine/index.ts';
import type { SemaphoreState } from '../../main/engine/locks/ticket-semaphore.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { sleepBlocking } from './sleep-blocking.ts';
import { type PoolWorker, runOnAll, startWorkers, WORKER_KINDS } from './worker-pool.ts';

const LONG_LEASE_MS = 60_000;

/** A store, and a file that counts. */
function createCounterFile() {
  const directory = freshDirectory();
  const path = join(directory, 'count');
  writeFileSync(path, '0');
  return { directory, path, count: () => Number(readFileSync(path, 'utf8')) };
}

const readSemaphoreState = (cache: Cache): SemaphoreState | undefined =>
  cache.getEntry('lock')?.value as SemaphoreState | undefined;

/** Resolves when this many wait for the lock. */
async function waitForQueueLength(cache: Cache, length: number): Promise<void> {
  while (readSemaphoreState(cache)?.waiting.length !== length) await new Promise((resolve) => setTimeout(resolve, 2));
}

describe.each(WORKER_KINDS)('8 %s', (kind) => {
  const CREW = 8;
  let members: PoolWorker[];
  beforeAll(() => {
    members = startWorkers(kind, CREW);
  });

  it.each(['cache', 'fanout'] as const)('lose no count inside a lock, and are served in order (%s)', async (store) => {
    const { directory, path, count } = createCounterFile();
    const tickets = (await runOnAll(members, 'countLocked', directory, path, 15, store)).flat();
    expect(count()).toBe(CREW * 15);
    const order = readFileSync(`${path}.order`, 'utf8').trim().split('\n').map(Number);
    expect(order).toEqual(tickets.toSorted((a, b) => a - b));
  });

  it('lose no count in one store under a lock of another one', async () => {
    const [locks, data] = [freshDirectory(), freshDirectory()];
    await runOnAll(members.slice(0, 2), 'countUnderOtherLock', locks, data, 30);
    using store = new Cache(data);
    expect(store.get('n')).toBe(2 * 30);
  });

  it('lose no count inside an RLock, with two flows each that enter twice', async () => {
    const { directory, path, count } = createCounterFile();
    await runOnAll(members.slice(0, 4), 'countInFlows', directory, path, 4);
    expect(count()).toBe(4 * 2 * 4);
  });

  it('never exceed the bound of a semaphore', async () => {
    const { directory } = createCounterFile();
    const path = join(directory, 'inside');
    mkdirSync(path);
    const most = await runOnAll(members, 'passThrough', directory, path, 3, 6);
    expect(Math.max(...most)).toBeLessThanOrEqual(3);
    expect(Math.max(...most)).toBeGreaterThan(1);
  });

  it('share one throttle', async () => {
    const { directory } = createCounterFile();
    const [count, ms, times] = [10, 500, 5];
    const calls = (await runOnAll(members, 'callThrottled', directory, count, ms, times)).flat();
    calls.sort((a, b) => a - b);
    // The first ten at once, then one every 50 ms: the last of 40 at 1500 ms. Processes may be late, never early.
    expect(calls).toHaveLength(CREW * times);
    expect(calls.at(-1)! - calls[0]!).toBeGreaterThanOrEqual(((CREW * times - count) / count) * ms * 0.9);
    expect(calls.at(-1)! - calls[0]!).toBeLessThan(10_000);
  });

  it('contribute to one mean', async () => {
    const { directory } = createCounterFile();
    await Promise.all(members.map((member, index) => member.run('average', directory, index, 20)));
    using cache = new Cache(directory);
    expect(new Averager(cache, 'mean').get()).toBe((CREW - 1) / 2);
  });
});

describe('a lock', () => {
  it('whose holder is killed goes to the next live waiter, long before the lease ends', async () => {
    const { directory } = createCounterFile();
    using cache = new Cache(directory, { evictionPolicy: 'none' });
    const [holder, victim, sync, inTurn] = startWorkers('processes', 4) as [
      PoolWorker,
      PoolWorker,
      PoolWorker,
      PoolWorker,
    ];
    await holder.run('acquire', directory, LONG_LEASE_MS, 0);
    victim.run('acquire', directory, LONG_LEASE_MS, LONG_LEASE_MS).catch(() => {});
    await waitForQueueLength(cache, 1);
    const second = sync.run('acquire', directory, LONG_LEASE_MS, LONG_LEASE_MS);
    await waitForQueueLength(cache, 2);
    const third = inTurn.run('acquireLater', directory, LONG_LEASE_MS, LONG_LEASE_MS);
    await waitForQueueLength(cache, 3);
    const before = performance.now();
    await victim.kill();
    await holder.kill();
    expect(await second).toBe(3);
    await sync.kill();
    expect(await third).toBe(4);
    expect(performance.now() - before).toBeLessThan(LONG_LEASE_MS / 4);
  });

  // Windows can't stop a process and let it go on.
  it.skipIf(process.platform === 'win32')(
    'whose holder is stopped goes to the next when its lease is over; the one before is told',
    async () => {
      const { directory } = createCounterFile();
      using cache = new Cache(directory, { evictionPolicy: 'none' });
      const [holder] = startWorkers('processes', 1) as [PoolWorker];
      const pid = await holder.run('pid');
      await holder.run('acquire', directory, 300, 0);
      const lock = new Lock(cache, 'lock');
      await expect(lock.acquireAsync({ timeout: 600 })).rejects.toMatchObject({ code: 'TIMEOUT' });
      // Not in the middle of a renewal: stopped with the store's lock in hand it would keep everybody from everything.
      cache.transact(() => {
        process.kill(pid, 'SIGSTOP');
        sleepBlocking(50);
      });
      using hold = await lock.acquireAsync({ timeout: 20_000 });
      process.kill(pid, 'SIGCONT');
      await expect(holder.run('release')).rejects.toMatchObject({ code: 'NOT_ALLOWED' });
      expect(hold.held).toBe(true);
    },
  );

  it('whose holder was a thread that ended goes to the next within its lease', async () => {
    const { directory } = createCounterFile();
    using cache = new Cache(directory, { evictionPolicy: 'none' });
    const [holder] = startWorkers('threads', 1) as [PoolWorker];
    await holder.run('acquire', directory, 300, 0);
    await holder.kill();
    const hold = await new Lock(cache, 'lock').acquireAsync({ timeout: 20_000 });
    hold.release();
  });

  it('does not block checkpoints while a thread waits for it', async () => {
    const { directory } = createCounterFile();
    using cache = new Cache<string, unknown>(directory, { evictionPolicy: 'none' });
    const hold = new Lock(cache, 'lock').acquire();
    const [waiter] = startWorkers('processes', 1) as [PoolWorker];
    const waiting = waiter.run('acquire', directory, LONG_LEASE_MS, LONG_LEASE_MS);
    await waitForQueueLength(cache, 1);
    // Emptying fails beside any snapshot from before the last write. A look takes microseconds of every 25 ms.
    const database = new Database(join(directory, 'cache.db'), { timeout: 0 });
    let kept = 0;
    for (let turn = 0; turn < 10; turn++) {
      cache.set('key', turn);
      await new Promise((resolve) => setTimeout(resolve, 60)); // it has looked since
      cache.set('key', -turn);
      const [{ busy }] = database.pragma('wal_checkpoint(TRUNCATE)') as [{ busy: number }];
      kept += busy;
    }
    database.close();
    expect(kept).toBeLessThan(5);
    hold.release();
    expect(await waiting).toBe(2);
  });
});
