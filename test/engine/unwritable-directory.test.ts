import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Cache, Deque, FanoutCache, Index } from '../../main/engine/index.ts';
import { freshDirectory } from './fresh-directory.ts';

const isRoot = process.getuid?.() === 0;
const LARGE = 'x'.repeat(50_000);

/**
 * Nobody may write there until it goes out of scope: without write permission, or, for root, who may everything, on a mount that
 * is read only. Undefined where that is not possible.
 */
function lockDirectory(directory: string): Disposable | undefined {
  if (isRoot) {
    const run = (...args: string[]) => spawnSync(args[0]!, args.slice(1)).status === 0;
    if (!run('mount', '--bind', directory, directory)) return undefined;
    const lock = { [Symbol.dispose]: () => void run('umount', '-l', directory) };
    if (run('mount', '-o', 'remount,bind,ro', directory)) return lock;
    lock[Symbol.dispose]();
    return undefined;
  }
  const all = ['', ...readdirSync(directory, { recursive: true }).map(String)].map((name) => join(directory, name));
  for (const path of all) chmodSync(path, statSync(path).mode & 0o555);
  return {
    [Symbol.dispose]() {
      for (const path of all) chmodSync(path, statSync(path).mode | 0o200);
    },
  };
}

describe.skipIf(process.platform === 'win32' || (isRoot && process.platform !== 'linux'))(
  'a directory that may only be read',
  () => {
    it('is read with readOnly: rows, value files, collections, shards', (context) => {
      const root = freshDirectory();
      {
        using cache = new Cache(join(root, 'cache'));
        cache.set('a', 1);
        cache.set('large', LARGE);
      }
      {
        using index = new Index(join(root, 'index'));
        index.set('a', 1);
        using deque = new Deque(join(root, 'deque'));
        deque.push('first', LARGE);
        using fanout = new FanoutCache<number, number>(join(root, 'fanout'), { shards: 2 });
        for (let n = 0; n < 10; n++) fanout.set(n, n);
      }
      using lock = lockDirectory(root);
      if (lock === undefined) return context.skip();
      const readOnly = { readOnly: true };
      using cache = new Cache(join(root, 'cache'), readOnly);
      expect([cache.get('a'), cache.get('large'), cache.size, cache.check()]).toEqual([1, LARGE, 2, []]);
      expect(() => cache.set('a', 2)).toThrow(expect.objectContaining({ code: 'READ_ONLY' }));
      using index = new Index(join(root, 'index'), readOnly);
      expect([...index]).toEqual([['a', 1]]);
      using deque = new Deque(join(root, 'deque'), readOnly);
      expect([...deque]).toEqual(['first', LARGE]);
      using fanout = new FanoutCache(join(root, 'fanout'), readOnly);
      expect(fanout.size).toBe(10);
      expect(() => new Cache(join(root, 'cache'))).toThrow(
        expect.objectContaining({ code: expect.stringMatching(/NOT_ALLOWED|READ_ONLY/) }),
      );
    });

    it('is refused while its log holds what the database does not: old values would be read', (context) => {
      const directory = join(freshDirectory(), 'store');
      const killed = join(freshDirectory(), 'killed');
      using cache = new Cache<string, string>(directory);
      cache.set('a', 'new');
      cpSync(directory, killed, { recursive: true });
      spawnSync('rm', [join(killed, 'cache.db-shm')]);
      using lock = lockDirectory(killed);
      if (lock === undefined) return context.skip();
      expect(() => new Cache(killed, { readOnly: true })).toThrow(
        expect.objectContaining({ code: expect.stringMatching(/NOT_ALLOWED|READ_ONLY/) }),
      );
    });
  },
);
