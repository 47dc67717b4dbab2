import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { BoundedSemaphore, Cache, Lock, RLock, throttle } from '../../main/engine/index.ts';
import { Queue } from '../../main/queue/index.ts';
import { catchError, openLockStore } from '../locks/lock-fixture.ts';
import { errorMatching } from '../matchers.ts';
import { freshDirectory } from './fresh-directory.ts';

const NO_TIMES = ['50', Number.NaN, -1, [50], {}] as const;

describe.each(NO_TIMES)('%j as a time', (given) => {
  it.each<[string, (time: number) => unknown]>([
    ['timeout of a cache', (timeout) => new Cache(freshDirectory(), { timeout })],
    ['timeout of a queue', (timeout) => new Queue(freshDirectory(), { timeout })],
    ['lease of a queue', (lease) => new Queue(freshDirectory(), { lease })],
    ['lease of a lock', (lease) => new Lock(openLockStore(), 'k', { lease })],
    ['timeout of acquire', (timeout) => new RLock(openLockStore(), 'k').acquire({ timeout })],
    ['lease of a semaphore', (lease) => new BoundedSemaphore(openLockStore(), 'k', 1, { lease })],
    ['timeout of throttle', (timeout) => throttle(openLockStore(), 1, 1, { timeout })(() => {})],
  ])('is refused: %s', (_, use) => {
    expect(catchError(() => use(given as number))).toEqual(errorMatching('BAD_OPTION'));
  });
});

describe.each([2 ** 31, Number.POSITIVE_INFINITY])('a timeout of %d', (timeout) => {
  it('waits for the lock of another thread', async () => {
    using store = new Cache(freshDirectory(), { timeout });
    const path = join(store.directory, 'cache.db');
    const holder = new Worker(
      `const { parentPort } = require('node:worker_threads');
       const database = new (require('better-sqlite3'))(${JSON.stringify(path)});
       database.exec('BEGIN IMMEDIATE');
       parentPort.postMessage('held');
       Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 30);
       database.exec('COMMIT');
       database.close();`,
      { eval: true },
    );
    await new Promise((resolve) => holder.once('message', resolve));
    store.set('k', 1);
    expect(store.get('k')).toBe(1);
  });

  it('of a lock waits until it is released', async () => {
    using store = openLockStore();
    const hold = new Lock(store, 'k').acquire();
    const next = new Lock(store, 'k').acquireAsync({ timeout });
    await new Promise((resolve) => setTimeout(resolve, 20));
    hold.release();
    (await next).release();
  });
});
