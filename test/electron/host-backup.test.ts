import { EventEmitter } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { findNewestBackup } from '../../main/damage/newest-backup.ts';
import { Index, Settings } from '../../main/engine/index.ts';
import { openDiskCache, restore } from '../../main/index.ts';
import { Queue } from '../../main/queue/index.ts';
import { cache, defineStores, index, settings } from '../../protocol/stores.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';

const electron = vi.hoisted(() => ({ app: {} as EventEmitter }));
vi.mock('electron', () => ({ app: electron.app, net: {}, protocol: { isProtocolHandled: () => false } }));
Object.assign(electron.app, new EventEmitter(), {
  whenReady: async () => {},
  isPackaged: true,
  getPath: () => directory,
  hasSingleInstanceLock: () => true,
});
Object.setPrototypeOf(electron.app, EventEmitter.prototype);

const stores = defineStores({
  api: cache<string, number>(),
  notes: index<string, number>(),
  config: settings({ defaults: { theme: 'light' } }),
});

let directory: string;
let root: string;

beforeEach(() => {
  root = freshDirectory();
  directory = join(root, 'deskcache');
});

describe('a host with exclusive stores', () => {
  it('is backed up whole, and restored after it was closed', async () => {
    const host = await openDiskCache({ stores, directory });
    host.stores.notes.set('a', 1);
    host.stores.config.set('theme', 'dark');
    host.queue<string>('outbox').enqueue('send');
    const path = join(root, 'backup');
    const result = await host.backup(path);
    expect(result.stores.map(({ folder }) => folder)).toEqual([
      join('_queues', 'outbox'),
      'api',
      'config',
      'default',
      'notes',
    ]);
    host.stores.notes.set('a', 2);
    await expect(restore(path, directory)).rejects.toMatchObject({ code: 'BUSY' });
    await host.close();
    await expect(host.backup(join(root, 'late'))).rejects.toMatchObject({ code: 'CLOSED' });
    await restore(path, directory);
    using notes = new Index<string, number>(join(directory, 'notes'));
    using queue = new Queue<string>(join(directory, '_queues', 'outbox'));
    expect([notes.get('a'), queue.counts().ready]).toEqual([1, 1]);
  });

  it('backs itself up at the start when it is due, without its caches', async () => {
    const host = await openDiskCache({ stores, directory, backup: { every: '1d' } });
    host.stores.config.set('theme', 'dark');
    await vi.waitFor(() => expect(findNewestBackup(directory, 'config')).toBeDefined(), { timeout: 20_000 });
    expect(findNewestBackup(directory, 'notes')).toBeDefined();
    expect(findNewestBackup(directory, 'api')).toBeUndefined();
    await host.close();
    using copy = new Settings(findNewestBackup(directory, 'config')!, { defaults: { theme: 'light' }, readOnly: true });
    expect(copy.get('theme')).toBe('dark');
    const again = await openDiskCache({ stores, directory, backup: { every: '1d' } });
    await again.close();
    expect(readdirSync(join(directory, '_backups'))).toHaveLength(1);
    await expect(openDiskCache({ stores, directory, backup: { every: 'day' as '1d' } })).rejects.toMatchObject({
      code: 'BAD_OPTION',
    });
    expect(existsSync(join(directory, 'notes'))).toBe(true);
  });
});
