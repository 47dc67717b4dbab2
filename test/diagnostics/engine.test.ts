import Database from 'better-sqlite3';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Cache, Deque, FanoutCache } from '../../main/engine/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { recordMessages } from './record-messages.ts';

const MIB = 1024 * 1024;

describe('deskcache:transaction', () => {
  it('publishes each committed write: single statements, whole transactions, once each', () => {
    using cache = new Cache(freshDirectory());
    cache.set('warm', 1);
    const messages = recordMessages('deskcache:transaction');
    cache.set('a', 1);
    cache.touch('a', { ttl: 1000 });
    cache.delete('a');
    cache.transact(() => {
      for (let n = 0; n < 10; n++) cache.set(n, 'value');
      cache.transact(() => cache.set('nested', 1));
    });
    const { directory } = cache;
    expect(messages.slice(0, 3)).toEqual(
      [1, 1, 1].map((rows) => ({ directory, outcome: 'committed', rows, durationMs: expect.any(Number) })),
    );
    expect(messages.slice(3)).toEqual([{ directory, outcome: 'committed', rows: 11, durationMs: expect.any(Number) }]);
    for (const { durationMs } of messages) expect(durationMs).toBeGreaterThanOrEqual(0);
  });

  it('publishes a rollback, and nothing for reads or for writes that change nothing', () => {
    using cache = new Cache(freshDirectory());
    cache.set('a', 1);
    const messages = recordMessages('deskcache:transaction');
    cache.get('a');
    cache.getMany(['a', 'b']);
    cache.touch('gone', { ttl: 1 });
    expect(() =>
      cache.transact(() => {
        cache.set('b', 2);
        throw new Error('no');
      }),
    ).toThrow('no');
    expect(messages).toMatchObject([{ outcome: 'rolled back', rows: 1 }]);
  });

  it('publishes a transaction over shards once for each shard, and the writes of a deque', () => {
    using fanout = new FanoutCache(freshDirectory(), { shards: 2 });
    using deque = new Deque(freshDirectory());
    const messages = recordMessages('deskcache:transaction');
    fanout.transact(() => {
      for (let n = 0; n < 20; n++) fanout.set(n, n);
    });
    expect(new Set(messages.map(({ directory }) => directory)).size).toBe(2);
    expect(messages.map(({ outcome }) => outcome)).toEqual(['committed', 'committed']);
    messages.length = 0;
    deque.push('a');
    deque.shift();
    expect(messages.map(({ directory }) => directory)).toEqual([deque.directory, deque.directory]);
  });

  it('publishes nothing for a transaction that began before there was a subscriber', () => {
    using cache = new Cache(freshDirectory());
    const messages = cache.transact(() => {
      const recorded = recordMessages('deskcache:transaction');
      cache.set('a', 1);
      return recorded;
    });
    expect(messages).toEqual([]);
    cache.set('b', 1);
    expect(messages).toHaveLength(1);
  });
});

describe('deskcache:eviction', () => {
  const fill = (cache: Cache | FanoutCache, from = 0) => {
    for (let n = from; n < from + 400; n++) cache.set(n, new Uint8Array(8000).fill(n));
  };

  it('publishes policy, items and bytes of what left for space, after the commit', () => {
    using cache = new Cache(freshDirectory(), { sizeLimit: 2 * MIB });
    const messages = recordMessages('deskcache:eviction');
    fill(cache);
    const rows = messages.reduce((sum, message) => sum + message.rows, 0);
    expect(rows).toBe(400 - cache.size);
    expect(messages[0]).toEqual({
      directory: cache.directory,
      policy: 'least-recently-stored',
      rows: expect.any(Number),
      bytes: expect.any(Number),
    });
    for (const { rows: items, bytes } of messages) expect(bytes).toBeGreaterThanOrEqual(items * 8000);
  });

  it('publishes nothing for items that were deleted or have expired, or of an eviction that was rolled back', () => {
    using cache = new Cache(freshDirectory(), { sizeLimit: 2 * MIB });
    fill(cache);
    const messages = recordMessages('deskcache:eviction');
    cache.delete(399);
    cache.set('short', 1, { ttl: 1, tag: 't' });
    cache.evict('t');
    expect(() =>
      cache.transact(() => {
        fill(cache, 1000);
        throw new Error('no');
      }),
    ).toThrow('no');
    expect(messages).toEqual([]);
  });

  it('names the shard of a FanoutCache', () => {
    using fanout = new FanoutCache(freshDirectory(), { shards: 2, sizeLimit: 3 * MIB });
    const messages = recordMessages('deskcache:eviction');
    fill(fanout);
    expect(messages.length).toBeGreaterThan(0);
    for (const { directory } of messages) expect(directory.startsWith(fanout.directory)).toBe(true);
  });
});

describe('deskcache:checkpoint', () => {
  it('publishes mode and frames of a checkpoint, and whether it could be completed', () => {
    using cache = new Cache(freshDirectory());
    const messages = recordMessages('deskcache:checkpoint');
    cache.setMany(Array.from({ length: 100 }, (_, n) => [n, new Uint8Array(1000)] as const));
    cache.clear();
    const done = {
      directory: cache.directory,
      mode: 'TRUNCATE',
      isComplete: true,
      isInWorker: false,
      durationMs: expect.any(Number),
    };
    const truncated = messages.filter(({ mode }) => mode === 'TRUNCATE');
    expect(truncated[0]).toEqual({ ...done, frames: expect.any(Number) });
    expect(truncated[0]!.frames).toBeGreaterThan(25);
  });

  it('publishes that a reader kept it from being completed', () => {
    using cache = new Cache(freshDirectory());
    cache.setMany(Array.from({ length: 100 }, (_, n) => [n, new Uint8Array(1000)] as const));
    const messages = recordMessages('deskcache:checkpoint');
    const reader = new Database(`${cache.directory}/cache.db`, { readonly: true });
    onTestFinished(() => void reader.close());
    reader.exec('BEGIN; SELECT count(*) FROM entry');
    cache.clear();
    expect(messages[0]).toMatchObject({ mode: 'TRUNCATE', isComplete: false });
  });
});
