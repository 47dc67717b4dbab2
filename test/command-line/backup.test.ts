import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Cache, Index } from '../../main/engine/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { run } from './run.ts';

describe('deskcache backup and restore', () => {
  it('copy a store, and bring it back', async () => {
    const root = freshDirectory();
    const [store, path] = [join(root, 'store'), join(root, 'backup')];
    {
      using cache = new Cache<string, number>(store);
      cache.set('a', 1);
      expect(JSON.parse((await run(['backup', store, path, '--json'])).stdout)).toMatchObject({
        path,
        stores: [{ items: 1 }],
      });
      cache.set('a', 2);
      expect(await run(['restore', path, store])).toMatchObject({ exitCode: 3 });
    }
    expect(await run(['restore', path, store])).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('store.before-restore-'),
    });
    using restored = new Cache<string, number>(store);
    expect(restored.get('a')).toBe(1);
    expect(await run(['backup', store, path])).toMatchObject({ exitCode: 2, stderr: expect.stringMatching(/exists/) });
  });

  it('copy all stores of an application', async () => {
    const root = freshDirectory();
    const [host, path] = [join(root, 'host'), join(root, 'backup')];
    for (const name of ['notes', join('_queues', 'outbox'), join('_backups', 'old', 'notes')]) {
      using index = new Index<string, number>(join(host, name));
      index.set('a', 1);
    }
    expect(await run(['backup', host, path])).toMatchObject({ exitCode: 0 });
    expect(readdirSync(path).sort()).toEqual(['_queues', 'backup.json', 'notes']);
    expect(await run(['restore', path, join(root, 'other')])).toMatchObject({ exitCode: 0 });
    using notes = new Index<string, number>(join(root, 'other', 'notes'));
    expect(notes.get('a')).toBe(1);
  });
});
