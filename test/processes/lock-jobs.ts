import { appendFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { threadId } from 'node:worker_threads';
import {
  Averager,
  BoundedSemaphore,
  Cache,
  FanoutCache,
  Lock,
  type LockHandle,
  RLock,
  throttle,
} from '../../main/engine/index.ts';
import { sleepBlocking } from './sleep-blocking.ts';

/* What a member of a crew can be told to do with recipes, on the store of a directory. */

const KINDS = { cache: Cache, fanout: FanoutCache };
type StoreKind = keyof typeof KINDS;
const stores = new Map<string, Cache | FanoutCache>();

function openStoreAt(directory: string, kind: StoreKind = 'cache'): Cache | FanoutCache {
  const store = stores.get(directory) ?? new KINDS[kind](directory, { evictionPolicy: 'none' });
  stores.set(directory, store);
  return store;
}

let hold: LockHandle | undefined;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const workerId = `${process.pid}-${threadId}`;

/** Counts a number in a file up, as two would get wrong who do it at the same time. */
function incrementFile(path: string): void {
  const count = Number(readFileSync(path, 'utf8'));
  if (count % 7 === 0) sleepBlocking(0.2);
  writeFileSync(path, String(count + 1));
}

/** Notes that this member is inside, and answers how many are. */
function enterAndCount(path: string): number {
  writeFileSync(join(path, workerId), '');
  return readdirSync(path).length;
}

export const LOCK_JOBS = {
  acquire(directory: string, lease: number, timeout: number): number {
    hold = new Lock(openStoreAt(directory), 'lock', { lease }).acquire({ timeout });
    return hold.ticket;
  },
  async acquireLater(directory: string, lease: number, timeout: number): Promise<number> {
    hold = await new Lock(openStoreAt(directory), 'lock', { lease }).acquireAsync({ timeout });
    return hold.ticket;
  },
  release(): void {
    hold?.release();
  },

  /**
   * Increments a value of one store under a lock of another one, in blocking code; the value may come from the memory cache.
   */
  countUnderOtherLock(locks: string, data: string, times: number): void {
    const lock = new Lock(openStoreAt(locks), 'lock');
    const store = openStoreAt(data);
    for (let n = 0; n < times; n++) {
      using _hold = lock.acquire();
      store.set('n', ((store.get('n') as number | undefined) ?? 0) + 1);
      store.get('n');
    }
  },

  /** Counts a file up inside a lock, waiting on the spot; answers the tickets it had. */
  countLocked(directory: string, path: string, times: number, kind: StoreKind): number[] {
    const lock = new Lock(openStoreAt(directory, kind), 'lock');
    return Array.from({ length: times }, () => {
      const held = lock.acquire();
      incrementFile(path);
      appendFileSync(`${path}.order`, `${held.ticket}\n`);
      held.release();
      return held.ticket;
    });
  },
  /** Goes in and out of a lock and writes both down, until it is killed or has done it so often. */
  goInAndOut(directory: string, log: string, times: number): void {
    const lock = new Lock(openStoreAt(directory), 'lock');
    for (let turn = 0; turn < times; turn++) {
      const held = lock.acquire();
      appendFileSync(log, `in ${process.pid} ${held.ticket}\n`);
      sleepBlocking(1);
      appendFileSync(log, `out ${process.pid} ${held.ticket}\n`);
      held.release();
    }
  },
  /** Counts a file up inside an RLock, waiting in turn, with two flows in this thread that enter twice. */
  async countInFlows(directory: string, path: string, times: number): Promise<void> {
    const lock = new RLock(openStoreAt(directory), 'rlock');
    const flow = async () => {
      for (let turn = 0; turn < times; turn++) {
        await lock.run(async () => {
          const before = readFileSync(path, 'utf8');
          await lock.run(() => sleep(1));
          writeFileSync(path, String(Number(before) + 1));
        });
      }
    };
    await Promise.all([flow(), flow()]);
  },
  /** Goes in and out of a semaphore; answers the most that were inside together. */
  async passThrough(directory: string, path: string, bound: number, times: number): Promise<number> {
    const semaphore = new BoundedSemaphore(openStoreAt(directory), 'semaphore', bound);
    let most = 0;
    for (let turn = 0; turn < times; turn++) {
      const held = turn % 2 === 0 ? semaphore.acquire() : await semaphore.acquireAsync();
      most = Math.max(most, enterAndCount(path));
      sleepBlocking(2);
      most = Math.max(most, readdirSync(path).length);
      rmSync(join(path, workerId));
      held.release();
    }
    return most;
  },
  /** Calls a throttled function; answers when it ran, epoch milliseconds. */
  callThrottled(directory: string, count: number, ms: number, times: number): number[] {
    const call = throttle(openStoreAt(directory), count, ms, { name: 'throttle' })(() => Date.now());
    return Array.from({ length: times }, () => call());
  },
  /** Adds a number this many times. */
  average(directory: string, value: number, times: number): void {
    const mean = new Averager(openStoreAt(directory), 'mean');
    for (let turn = 0; turn < times; turn++) mean.add(value);
  },
} as const;
