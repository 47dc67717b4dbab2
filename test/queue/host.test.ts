import { EventEmitter } from 'node:events';
import { expect, it, vi } from 'vitest';
import { openDiskCache } from '../../main/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { waitUntil } from './queue-fixture.ts';

const { app } = vi.hoisted(() => ({ app: {} as EventEmitter & { whenReady(): Promise<void>; isPackaged: boolean } }));
vi.mock('electron', () => ({ app }));
Object.assign(app, new EventEmitter(), { whenReady: async () => {}, isPackaged: true });
Object.setPrototypeOf(app, EventEmitter.prototype);

it('a queue of the host is opened by its name, works, and is closed when the application quits', async () => {
  const directory = freshDirectory();
  const host = await openDiskCache({ stores: {}, directory });
  const outbox = host.queue<string>('outbox', { durability: 'process' });
  outbox.enqueueMany([{ payload: 'a' }, { payload: 'b' }]);
  const sent: string[] = [];
  const working = host.queue<string>('outbox').process(({ payload }) => {
    sent.push(payload);
    return payload === 'b' ? new Promise(() => {}) : undefined;
  });
  await waitUntil(() => sent.length === 2);
  app.emit('quit');
  await working;
  expect(() => host.queue('outbox')).toThrow(expect.objectContaining({ code: 'CLOSED' }));

  const again = await openDiskCache({ stores: {}, directory });
  expect(again.queue('outbox').counts()).toMatchObject({ done: 1, ready: 1, running: 0 });
  await again.close();
});
