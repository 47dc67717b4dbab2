import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Cache, Deque, FanoutCache, Index, temporaryDirectory } from '../../main/engine/index.ts';
import { Connection } from '../../main/engine/sqlite/connection.ts';
import { Queue } from '../../main/offline/index.ts';
import { freshDirectory } from './fresh-directory.ts';

afterEach(() => void vi.restoreAllMocks());

/**
 * SQLite's `synchronous` of every connection that `open` has opened: `FULL` forces the log to the disk before a commit returns, which
 * a power cut leaves whole; `NORMAL` at checkpoints only. https://sqlite.org/pragma.html#pragma_synchronous
 */
function readSynchronous(open: () => Disposable): unknown[] {
  const asked = vi.spyOn(Connection.prototype, 'pragma');
  using _ = open();
  const connections = new Set(asked.mock.contexts as Connection[]);
  asked.mockRestore();
  // One that lived in memory is closed again.
  const stores = [...connections].filter(({ isOpen }) => isOpen);
  return stores.map((connection) => ({ 0: 'OFF', 1: 'NORMAL', 2: 'FULL' })[Number(connection.pragma('synchronous'))]);
}

const power = { durability: 'power' } as const;
const crash = { durability: 'process' } as const;

describe('what a commit survives', () => {
  it.each([
    ['Cache', (at: string) => new Cache(at), 'NORMAL'],
    ['Cache with "power"', (at: string) => new Cache(at, power), 'FULL'],
    ['Index', (at: string) => new Index(at), 'FULL'],
    ['Index with "process"', (at: string) => new Index(at, crash), 'NORMAL'],
    ['Deque', (at: string) => new Deque(at), 'FULL'],
    ['Queue', (at: string) => new Queue(at), 'FULL'],
    ['Queue with "process"', (at: string) => new Queue(at, crash), 'NORMAL'],
  ])('is a power cut where that is asked for, or the default: %s', (_, open, expected) => {
    const directory = freshDirectory();
    expect(readSynchronous(() => open(directory))).toEqual([expected]);
  });

  it('is the process alone in a temporary directory, which ends with it', () => {
    using directory = temporaryDirectory();
    expect(readSynchronous(() => new Index(join(directory.path, 'index')))).toEqual(['OFF']);
    const shards = readSynchronous(() => new FanoutCache(join(directory.path, 'shards'), { shards: 2, ...power }));
    expect(new Set(shards)).toEqual(new Set(['OFF']));
    const beside = freshDirectory();
    expect(readSynchronous(() => new Index(beside))).toEqual(['FULL']);
  });

  it('is that of every shard', () => {
    const shards = readSynchronous(() => new FanoutCache(freshDirectory(), { shards: 3, ...power }));
    expect(shards.length).toBeGreaterThanOrEqual(3);
    expect(new Set(shards)).toEqual(new Set(['FULL']));
  });

  it('is kept for later openings without options, and changed by configure', () => {
    const directory = freshDirectory();
    new Cache(directory, power).close();
    const reopened = () => new Cache<string, number>(directory);
    expect(readSynchronous(reopened)).toEqual(['FULL']);
    const configured = () => {
      const cache = reopened();
      cache.configure(crash);
      return cache;
    };
    expect(readSynchronous(configured)).toEqual(['NORMAL']);
  });
});
