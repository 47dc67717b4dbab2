import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { RemoteIndex } from '../../client/remote.ts';
import type { BackupProgress } from '../../main/engine/index.ts';
import { Index } from '../../main/engine/index.ts';
import { type PlacedEngine, placeEngine } from '../../main/engine-placement.ts';
import { cache, defineStores, index } from '../../protocol/stores.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { UTILITY_ENTRY } from './utility-fixture.ts';

vi.mock('electron', () => import('./utility-double.ts'));

const stores = defineStores({ api: cache<string, string>(), notes: index<string, string>() });

let host: PlacedEngine;
afterEach(() => host.close());

async function open(directory: string) {
  const paths = { directory, userData: undefined, utilityPath: UTILITY_ENTRY };
  host = await placeEngine(paths, { stores, placement: 'utility', exclusive: 'collections' } as never);
  const { notes } = host.stores as { readonly notes: RemoteIndex<string, string> };
  for (let n = 0; n < 5; n++) {
    await notes.setMany(Array.from({ length: 500 }, (_, k) => [`note ${n} ${k}`, 'x'.repeat(500)] as const));
  }
  return notes;
}

describe('a backup of stores in a utility process', () => {
  it('is made there, and tells how far it is', async () => {
    const root = freshDirectory();
    const notes = await open(join(root, 'host'));
    const told: BackupProgress[] = [];
    const path = join(root, 'backup');
    const result = await host.backup(path, { onProgress: (progress) => told.push(progress) });
    expect(result.stores.map(({ folder }) => folder)).toEqual(['api', 'default', 'notes']);
    expect(told.at(-1)).toMatchObject({ phase: 'check' });
    await notes.clear();
    using copy = new Index<string, string>(join(path, 'notes'));
    expect(copy.size).toBe(2500);
  });

  it('takes the folders that are named', async () => {
    const root = freshDirectory();
    await open(join(root, 'host'));
    const result = await host.backup(join(root, 'backup'), { folders: ['notes'] });
    expect(result.stores.map(({ folder }) => folder)).toEqual(['notes']);
    expect(readdirSync(join(root, 'backup')).sort()).toEqual(['backup.json', 'notes']);
  });

  it('ends with its signal, and fails with the reason of the other process', async () => {
    const root = freshDirectory();
    const notes = await open(join(root, 'host'));
    const path = join(root, 'backup');
    const controller = new AbortController();
    const reason = new Error('not now');
    const aborted = host.backup(path, { signal: controller.signal, onProgress: () => controller.abort(reason) });
    await expect(aborted).rejects.toBe(reason);
    await vi.waitFor(() => expect(readdirSync(root)).toEqual(['host']));
    await host.backup(path, {});
    await expect(host.backup(path, {})).rejects.toMatchObject({
      code: 'BAD_OPTION',
      message: expect.stringContaining('exists'),
    });
    expect(existsSync(path)).toBe(true);
    expect(await notes.get('note 0 0')).toBe('x'.repeat(500));
  });
});
