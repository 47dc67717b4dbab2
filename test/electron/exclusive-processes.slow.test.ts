import { EventEmitter } from 'node:events';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { openDiskCache } from '../../main/index.ts';
import { cache } from '../../protocol/stores.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { errorMatching } from '../matchers.ts';
import { startWorkers, WORKER_KINDS } from '../processes/worker-pool.ts';

const electron = vi.hoisted(() => ({ app: {} as EventEmitter, isLocked: true }));
vi.mock('electron', () => ({ app: electron.app }));
Object.assign(electron.app, new EventEmitter(), {
  whenReady: async () => {},
  isPackaged: true,
  hasSingleInstanceLock: () => electron.isLocked,
});
Object.setPrototypeOf(electron.app, EventEmitter.prototype);

const open = (directory: string, timeout?: number) =>
  openDiskCache({ directory, stores: { api: cache<string, number>(timeout === undefined ? {} : { timeout }) } });

it.each(WORKER_KINDS)('a host owns its stores among %s, which hear why', async (kind) => {
  electron.isLocked = true;
  const directory = freshDirectory();
  const host = await open(directory);
  host.stores.api.set('k', 1);
  const [other] = startWorkers(kind, 1);
  for (const options of [{}, { readOnly: true }, { exclusive: true }]) {
    await expect(other!.run('open', join(directory, 'api'), { timeout: 20, ...options })).rejects.toMatchObject({
      code: 'BUSY',
      message: expect.stringMatching(/exclusive: false/),
    });
  }
  await host.close();
  await other!.run('open', join(directory, 'api'));
  expect(await other!.run('get', 'k')).toBe(1);
});

it.each([
  ['with the lock, as after a restart', true],
  ['without it, as a second instance', false],
])('a host %s waits for a process that is about to end, without blocking', async (_, isLocked) => {
  electron.isLocked = isLocked;
  const directory = freshDirectory();
  const [owner] = startWorkers('processes', 1);
  await owner!.run('open', join(directory, 'api'), { exclusive: true });
  await owner!.run('set', 'k', 7);
  await expect(open(directory, 100)).rejects.toEqual(errorMatching('BUSY', /Store "api".*exclusive: false/));
  let isOpen = false;
  const opening = open(directory, 30_000).finally(() => {
    isOpen = true;
  });
  // It is answered while the host waits, so the thread isn't blocked.
  expect(await owner!.run('get', 'k')).toBe(7);
  expect(isOpen).toBe(false);
  await owner!.kill();
  const host = await opening;
  expect(host.stores.api.get('k')).toBe(7);
  await host.close();
});
