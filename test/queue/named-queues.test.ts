import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Queues } from '../../main/queue/queues.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';

const badOption = expect.objectContaining({ code: 'BAD_OPTION' });

it('queues are found by their names, opened once, and closed together', async () => {
  const directory = freshDirectory();
  const queues = new Queues(directory);
  const outbox = queues.find<string>('outbox', { durability: 'process' });
  outbox.enqueue('x');
  expect(queues.find('Outbox')).toBe(outbox);
  expect(() => queues.find('outbox', { lease: 5 })).toThrow(badOption);
  const uploads = queues.find('uploads');
  expect(uploads.counts().ready).toBe(0);
  expect(existsSync(join(directory, 'outbox', 'cache.db'))).toBe(true);
  const working = outbox.process(() => new Promise(() => {}));
  queues.close();
  await working;
  queues.close();
  for (const closed of [() => outbox.counts(), () => uploads.counts(), () => queues.find('outbox')]) {
    expect(closed).toThrow(expect.objectContaining({ code: 'CLOSED' }));
  }
  const again = new Queues(directory);
  expect(again.find('outbox').get(1)).toMatchObject({ payload: 'x', state: 'ready', attempts: 0 });
  again.close();
});

it('a name that can’t be a folder is refused', () => {
  const queues = new Queues(freshDirectory());
  for (const name of ['', '../up', 'a/b', '_windows', '__proto__', 'x'.repeat(65), 5 as never]) {
    expect(() => queues.find(name)).toThrow(badOption);
  }
});

it('a caller that may not open queues finds only open ones', () => {
  const directory = freshDirectory();
  const queues = new Queues(directory);
  const noSuchStore = expect.objectContaining({
    code: 'NO_SUCH_STORE',
    message: expect.stringContaining('call host.queue("outbox")'),
  });
  expect(() => queues.findOpen('outbox')).toThrow(noSuchStore);
  const outbox = queues.find('Outbox');
  expect(queues.findOpen('outbox')).toBe(outbox);
  outbox.close();
  expect(() => queues.findOpen('outbox')).toThrow(noSuchStore);
  const reopened = queues.find('outbox', { lease: 5000 });
  expect(queues.findOpen('outbox')).toBe(reopened);
  expect(reopened.counts().ready).toBe(0);
  queues.close();
  const again = new Queues(directory);
  expect(() => again.findOpen('outbox')).toThrow(noSuchStore);
  expect(() => again.findOpen('__proto__')).toThrow(expect.objectContaining({ code: 'NO_SUCH_STORE' }));
});
