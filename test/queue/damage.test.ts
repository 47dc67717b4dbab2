import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { Index, type Key } from '../../main/engine/index.ts';
import { openQueueFixture, waitUntil } from './queue-fixture.ts';

/** Damages the rows whose value contains a text. */
function damage(directory: string, text: string): void {
  const database = new Database(join(directory, 'cache.db'));
  const { changes } = database
    .prepare("UPDATE entry SET checksum = checksum + 1 WHERE value LIKE '%' || ? || '%'")
    .run(text);
  database.close();
  expect(changes).toBe(1);
}

it('a job that can not be read becomes dead, its group continues, and its dedupe key is free', async () => {
  const { queue: first, directory } = openQueueFixture<string>();
  first.enqueue('damaged', { group: 'g', dedupeKey: 'k' });
  first.enqueue('behind it', { group: 'g' });
  first.close();
  damage(directory, 'damaged');
  const { queue, work, done } = openQueueFixture<string>({ directory });
  const seen: string[] = [];
  work(({ payload }) => seen.push(payload));
  await done(1);
  expect(seen).toEqual(['behind it']);
  expect(queue.counts()).toMatchObject({ dead: 1, done: 1, ready: 0, held: 0, running: 0 });
  expect(() => queue.get(1)).toThrow(expect.objectContaining({ code: 'CORRUPT' }));
  expect(() => queue.retry(1)).toThrow(expect.objectContaining({ code: 'CORRUPT' }));
  expect(queue.enqueue('the same key', { dedupeKey: 'k' })).toEqual({ id: 3, duplicate: false });
  expect(queue.remove(1)).toBe(true);
  expect(queue.get(1)).toBeUndefined();
  await done(2);
});

it('a queue whose counters can not be read stops its workers with the reason', async () => {
  const { queue, directory } = openQueueFixture<string>();
  const working = queue.process(() => {});
  damage(directory, '"ready":');
  await expect(working).rejects.toMatchObject({ code: 'CORRUPT' });
});

it('damaged counters are repaired by check, and no id or ticket is given twice', async () => {
  const { queue: first, directory, work, time } = openQueueFixture<string>();
  first.enqueue('dead', { dedupeKey: 'k' });
  const stop = work(({ bury }) => bury('no'));
  await waitUntil(() => first.counts().dead === 1);
  await stop();
  first.enqueue('head', { group: 'g', delay: 10, dedupeKey: 'k' });
  first.enqueue('behind it', { group: 'g' });
  first.enqueue('unreadable', { group: 'other' });
  first.enqueue('behind the unreadable', { group: 'other', priority: 3 });
  expect(first.check()).toEqual([]);
  const before = first.counts();
  first.close();
  damage(directory, '"ready":');
  damage(directory, 'unreadable","priority":0');
  const { queue, done, work: workAgain, time: now } = openQueueFixture<string>({ directory });
  now.now = time.now;
  expect(() => queue.counts()).toThrow(expect.objectContaining({ code: 'CORRUPT' }));
  expect(queue.check({ repair: true }).map(({ code }) => code)).toEqual(['value', 'value']);
  expect(queue.check()).toEqual([]);
  expect(queue.counts()).toEqual({ ...before, held: 1 });
  expect(queue.enqueue('again', { dedupeKey: 'k' })).toEqual({ id: 2, duplicate: true });
  expect(queue.enqueue('new')).toEqual({ id: 6, duplicate: false });
  const seen: string[] = [];
  workAgain(({ payload }) => seen.push(payload));
  await done(2);
  now.now += 10;
  await done(4);
  expect(seen).toEqual(['behind the unreadable', 'new', 'head', 'behind it']);
});

it('a queue whose process was killed in the middle of a repair is still a queue', () => {
  const { queue: first, directory } = openQueueFixture<string>();
  first.enqueueMany([{ payload: 'x' }, { payload: 'y', delay: 1 }]);
  first.close();
  const index = new Index<Key>(directory);
  index.delete(['tally']);
  index.close();
  const { queue } = openQueueFixture<string>({ directory });
  expect(queue.counts()).toMatchObject({ ready: 1, delayed: 1 });
  expect(queue.enqueue('z')).toEqual({ id: 3, duplicate: false });
});

it('a worker waits while another process holds the queue for longer than its timeout', async () => {
  const { queue: first, directory } = openQueueFixture<string>();
  first.enqueue('x');
  first.close();
  const { work, done } = openQueueFixture<string>({ directory, timeout: 10 });
  const other = new Database(join(directory, 'cache.db'));
  other.exec('BEGIN IMMEDIATE');
  let begun = 0;
  work(() => {
    begun++;
  });
  await new Promise((resolve) => setTimeout(resolve, 150));
  expect(begun).toBe(0);
  other.exec('ROLLBACK');
  other.close();
  await done(1);
});

it('missing counters are rebuilt before a job is added, so that no waiting job is overwritten', () => {
  const { queue, directory } = openQueueFixture<string>();
  queue.enqueueMany([{ payload: 'a' }, { payload: 'b', delay: 1 }, { payload: 'c' }]);
  const index = new Index<Key>(directory);
  index.delete(['tally']);
  expect(queue.counts()).toMatchObject({ ready: 2, delayed: 1 });
  index.delete(['tally']);
  expect(queue.enqueue('d')).toEqual({ id: 4, duplicate: false });
  expect(queue.get(1)?.payload).toBe('a');
  expect(queue.counts()).toMatchObject({ ready: 3, delayed: 1 });
  index.close();
});
