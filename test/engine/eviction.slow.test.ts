import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import Database from 'better-sqlite3';
import { describe, expect, it, vi } from 'vitest';
import { Cache, type CacheOptions, type EvictionPolicyName } from '../../main/engine/index.ts';
import { Connection } from '../../main/engine/sqlite/connection.ts';
import { createManualClock } from './engine-fixture.ts';
import { freshDirectory } from './fresh-directory.ts';

const KiB = 1024;
const MiB = 1024 * KiB;

function open(evictionPolicy: EvictionPolicyName, sizeLimit: number, options: CacheOptions = {}) {
  const { clock, advance } = createManualClock();
  const cache = new Cache<number, unknown>(freshDirectory(), { clock, evictionPolicy, sizeLimit, ...options });
  return { cache, advance, [Symbol.dispose]: () => cache.close() };
}

/** Items of 64 KiB in files; eleven or so fit into 1 MiB. */
const block = () => new Uint8Array(64 * KiB).fill(7);

function fillToLimit(cache: Cache<number, unknown>): number {
  let next = 0;
  while (cache.has(0)) cache.set(++next, block());
  return next;
}

describe.each<EvictionPolicyName>(['least-recently-stored', 'least-recently-used', 'least-frequently-used', 'sieve'])(
  '%s',
  (policy) => {
    it('keeps the disk below the limit with files', () => {
      using opened = open(policy, MiB);
      const { cache } = opened;
      for (let n = 0; n < 100; n++) {
        cache.set(n, block());
        expect(cache.volume()).toBeLessThanOrEqual(MiB);
        expect(cache.has(n)).toBe(true);
      }
      expect(cache.size).toBeGreaterThan(10);
    });

    it('keeps the disk below the limit with rows alone', () => {
      using opened = open(policy, MiB);
      const { cache } = opened;
      for (let first = 0; first < 2400; first += 40) {
        cache.setMany(Array.from({ length: 40 }, (_, n) => [first + n, `value ${n}`.padEnd(1000)] as const));
        expect(cache.volume()).toBeLessThanOrEqual(MiB);
        cache.getMany([first - 50, first - 100, first]);
      }
      expect(cache.size).toBeGreaterThan(400);
      expect(cache.has(2399)).toBe(true);
    });

    it('evicts only as much as needed', () => {
      using opened = open(policy, MiB);
      const { cache } = opened;
      cache.set(0, block());
      const full = fillToLimit(cache);
      expect(cache.size).toBe(full);
      cache.set(full + 1, block());
      expect(cache.size).toBe(full);
    });

    it('lets expired items go first', () => {
      using opened = open(policy, MiB);
      const { cache, advance } = opened;
      cache.set(0, block());
      for (let n = 1; n < 6; n++) cache.set(n, block(), { ttl: 10 });
      advance(10);
      for (let n = 6; n < 13; n++) cache.set(n, block());
      expect(cache.has(0)).toBe(true);
    });

    it('refuses what could never fit and evicts nothing for it', () => {
      using opened = open(policy, MiB);
      const { cache } = opened;
      cache.set(1, 'stays');
      expect(() => cache.set(2, new Uint8Array(MiB))).toThrow(expect.objectContaining({ code: 'TOO_LARGE' }));
      expect([...cache.keys()]).toEqual([1]);
      expect(cache.volume()).toBeLessThan(MiB / 2);
    });

    it('never takes the item that is being written', () => {
      using opened = open(policy, MiB);
      const { cache } = opened;
      cache.set(0, block());
      for (let n = 1; n < 9; n++) cache.set(n, block());
      for (let round = 0; round < 5; round++) {
        cache.set(0, new Uint8Array(500 * KiB).fill(round));
        expect(cache.get(0)).toEqual(new Uint8Array(500 * KiB).fill(round));
      }
    });
  },
);

describe('the evicted item', () => {
  /** Fills a cache with 0…9, touches it, adds blocks until one of the ten is gone, and tells which. */
  function firstToLeave(policy: EvictionPolicyName, touch: (cache: Cache<number, unknown>) => void): unknown {
    using opened = open(policy, MiB);
    const { cache } = opened;
    for (let n = 0; n < 10; n++) cache.set(n, block());
    touch(cache);
    const before = [...cache.keys()];
    for (let n = 100; cache.size === before.length + (n - 100); n++) {
      cache.set(n, block());
      for (let reads = 0; reads < 20; reads++) cache.get(n);
    }
    const left = new Set(cache.keys());
    return before.filter((key) => !left.has(key));
  }

  it('is the one that was set longest ago, whatever was read', () => {
    const gone = firstToLeave('least-recently-stored', (cache) => {
      cache.set(0, block());
      cache.get(1);
      cache.set(2, block());
    });
    expect(gone).toEqual([1]);
  });

  it('is the one that was read or set longest ago', () => {
    const gone = firstToLeave('least-recently-used', (cache) => {
      cache.get(0);
      cache.set(1, block());
      cache.getMany([2, 3]);
      cache.has(4);
      cache.peekItem({ last: false });
    });
    expect(gone).toEqual([4]);
  });

  it('is the one that was read least often', () => {
    const gone = firstToLeave('least-frequently-used', (cache) => {
      for (let n = 0; n < 10; n++) for (let reads = 0; reads < 1 + Math.abs(n - 5); reads++) cache.get(n);
    });
    expect(gone).toEqual([5]);
  });

  it('is the first the hand finds unvisited', () => {
    const gone = firstToLeave('sieve', (cache) => {
      cache.getMany([0, 1, 3]);
      cache.set(2, block());
    });
    expect(gone).toEqual([4]);
  });

  it('is found among small items that stay in memory, too', () => {
    using opened = open('least-recently-used', MiB);
    const { cache } = opened;
    for (let n = 0; n < 100; n++) cache.set(n, `small ${n}`);
    for (let first = 1000; first < 4000; first += 40) {
      cache.setMany(Array.from({ length: 40 }, (_, n) => [first + n, 'x'.repeat(500)] as const));
      for (let kept = 0; kept < 100; kept += 2) cache.get(kept);
    }
    const kept = [...cache.keys({ from: 0, to: 100 })];
    expect(kept).toEqual(Array.from({ length: 50 }, (_, n) => 2 * n));
  });

  it('does not exist under "none"', () => {
    using opened = open('none', MiB);
    const { cache } = opened;
    const full = () => {
      for (let n = 0; n < 100; n++) cache.set(n, block());
    };
    expect(full).toThrow(expect.objectContaining({ code: 'DISK_FULL' }));
    const { size } = cache;
    expect(size).toBeGreaterThan(9);
    expect(cache.cull()).toBe(0);
    expect(cache.size).toBe(size);
    expect(cache.delete(0)).toBe(true);
    cache.set(1000, block());
    expect(cache.volume()).toBeLessThanOrEqual(MiB);
  });
});

describe('reads', () => {
  it('never write', () => {
    using opened = open('least-recently-used', MiB, { statistics: true });
    const { cache } = opened;
    cache.set(1, 1);
    using other = new Cache<number, unknown>(cache.directory, { timeout: 0 });
    other.transact(() => {
      for (let n = 0; n < 1000; n++) cache.get(n % 3);
    });
    expect(cache.stats()).toMatchObject({ misses: 667 });
  });

  it('are written down at close', () => {
    const directory = freshDirectory();
    const options = { evictionPolicy: 'least-frequently-used', statistics: true } as const;
    {
      using cache = new Cache(directory, options);
      cache.set('k', 1);
      for (let n = 0; n < 5; n++) cache.get('k');
    }
    using cache = new Cache(directory);
    expect(cache.getEntry('k')?.hits).toBe(5);
    expect(cache.stats()).toEqual({ hits: 5, misses: 0 });
  });
});

describe('space', () => {
  it('comes back after mass deletion', () => {
    using opened = open('least-recently-stored', 64 * MiB);
    const { cache } = opened;
    cache.setMany(
      Array.from({ length: 20_000 }, (_, n) => [n, 'x'.repeat(500)] as const),
      { tag: 't' },
    );
    const full = cache.volume();
    expect(full).toBeGreaterThan(10 * MiB);
    cache.set(-1, 1);
    cache.evict('t');
    expect(cache.volume()).toBeLessThan(full / 20);
    expect(cache.get(-1)).toBe(1);
  });
});

describe('a full store of small items', () => {
  it.each<EvictionPolicyName>(['least-recently-stored', 'sieve'])(
    'takes the pages its victims leave, and hardly ever gives one back to take it again (%s)',
    (policy) => {
      using opened = open(policy, 2 * MiB);
      const { cache } = opened;
      // In no order: each item takes its place in another page of the index.
      const set = (n: number) => cache.set((n * 7919) % 1_000_003, `value ${n}`.padEnd(200));
      let n = 0;
      while (n < 12_000) set(n++);
      const full = cache.size;
      expect(full).toBeLessThan(n);
      using execute = vi.spyOn(Connection.prototype, 'execute');
      using pragma = vi.spyOn(Connection.prototype, 'pragma');
      while (n < 14_000) {
        set(n++);
        if (n % 100 === 0) expect(cache.volume()).toBeLessThanOrEqual(2 * MiB);
      }
      const asked = [...execute.mock.calls, ...pragma.mock.calls];
      expect(asked.length).toBeLessThan(20);
      expect(Math.abs(cache.size - full)).toBeLessThan(full / 20);
    },
  );
});

describe('the log', () => {
  it('is emptied when the store has nothing to do', async () => {
    using opened = open('least-recently-stored', 64 * MiB);
    const { cache } = opened;
    cache.setMany(Array.from({ length: 2000 }, (_, n) => [n, 'x'.repeat(1000)] as const));
    for (const key of [...cache.keys()]) cache.delete(key);
    // The least that is kept for a full disk is 64 KiB of it.
    const reserve = 64 * KiB;
    await vi.waitFor(() => expect(cache.volume()).toBeLessThan(MiB / 4 + reserve), { timeout: 4000, interval: 100 });
  });

  it('is bounded beside a reader that does not end: the writer is told, and goes on after it', () => {
    using opened = open('least-recently-stored', MiB, { timeout: 20 });
    const { cache } = opened;
    cache.set(0, 0);
    const reader = new Database(`${cache.directory}/cache.db`, { readonly: true });
    reader.exec('BEGIN');
    reader.prepare('SELECT count(*) FROM entry').get();
    const write = () => {
      for (let n = 0; n < 2000; n++) cache.set(n % 50, 'x'.repeat(1000));
    };
    expect(write).toThrow(expect.objectContaining({ code: 'BUSY', message: expect.stringContaining('reads') }));
    expect(cache.volume()).toBeLessThan(2 * MiB);
    expect(cache.get(0)).toBe('x'.repeat(1000));
    reader.close();
    cache.set(0, 'again');
    expect(cache.volume()).toBeLessThan(MiB);
  });

  it('delays no write if others have checkpointed it, even though a new reader blocks a checkpoint now', () => {
    using opened = open('least-recently-stored', MiB, { timeout: 20 });
    const { cache } = opened;
    cache.set(0, 0);
    const path = `${cache.directory}/cache.db`;
    const reader = new Database(path, { readonly: true });
    const other = new Database(path);
    const read = () => {
      reader.exec('BEGIN');
      reader.prepare('SELECT count(*) FROM entry').get();
    };
    read();
    const write = () => {
      for (let n = 0; n < 2000; n++) cache.set(n % 50, 'x'.repeat(1000));
    };
    expect(write).toThrow(expect.objectContaining({ code: 'BUSY' }));
    reader.exec('COMMIT');
    other.pragma('wal_checkpoint(TRUNCATE)');
    other.exec('BEGIN; UPDATE entry SET id = id WHERE id IN (SELECT id FROM entry LIMIT 1); COMMIT');
    read();
    cache.set(0, 'again');
    expect(cache.get(0)).toBe('again');
    reader.close();
    other.close();
  });

  it('is waited for while a reader keeps it', async () => {
    using opened = open('least-recently-stored', MiB, { timeout: 30_000 });
    const { cache } = opened;
    cache.set(0, 0);
    const reader = new Worker(READER_SCRIPT, {
      eval: true,
      workerData: `${cache.directory}/cache.db`,
    });
    await once(reader, 'message');
    for (let n = 0; n < 2000; n++) cache.set(n % 50, 'x'.repeat(1000));
    expect(await once(reader, 'exit')).toEqual([0]);
    expect(cache.volume()).toBeLessThan(MiB);
  });
});

/** Holds a view of a database until its log has grown by more than its writer may, and grows no more. */
const READER_SCRIPT = `
  const { parentPort, workerData: path } = require('node:worker_threads');
  const { statSync } = require('node:fs');
  const reader = new (require('better-sqlite3'))(path, { readonly: true });
  reader.exec('BEGIN');
  reader.prepare('SELECT count(*) FROM entry').get();
  parentPort.postMessage('reads');
  const still = new Int32Array(new SharedArrayBuffer(4));
  for (let [before, looks] = [0, 0]; looks < 20; ) {
    Atomics.wait(still, 0, 0, 5);
    const { size } = statSync(path + '-wal');
    looks = size > 300_000 && size === before ? looks + 1 : 0;
    before = size;
  }
  reader.close();
`;
