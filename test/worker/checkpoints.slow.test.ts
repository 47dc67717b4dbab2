import { readdirSync, rmSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { Cache, FanoutCache } from '../../main/engine/index.ts';
import { withoutWorkerThread } from '../../main/engine/internal.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { getLogBytes, recordCheckpoints, writeUntil } from './write-until.ts';

const MiB = 2 ** 20;
/** The log of a store with the default limit: its reserve, and as much again while the worker thread is slow. */
const MAX_LOG_BYTES = 43 * MiB;

/** Threads that were started since the test began. */
let threads: Worker[] = [];
beforeEach(() => {
  threads = [];
  const onWorker = (worker: Worker) => void threads.push(worker);
  process.on('worker', onWorker);
  onTestFinished(() => void process.off('worker', onWorker));
});

/** Warnings of the process until the test ends. */
function recordWarnings(): string[] {
  const warnings: string[] = [];
  const onWarning = ({ message }: Error) => void warnings.push(message);
  process.on('warning', onWarning);
  onTestFinished(() => void process.off('warning', onWarning));
  return warnings;
}

describe('a long log', () => {
  it('is checkpointed in the worker thread until it begins again', async () => {
    using cache = new Cache(freshDirectory());
    await recordCheckpoints(async (messages) => {
      await writeUntil(cache, () => messages.filter((it) => it.isInWorker && it.isComplete).length === 3);
      for (const message of messages.filter((it) => it.isInWorker)) {
        expect(message).toMatchObject({ directory: cache.directory, mode: 'PASSIVE' });
      }
    });
    expect(threads).toHaveLength(1);
    expect(getLogBytes(cache)).toBeLessThan(MAX_LOG_BYTES);
    expect(cache.check()).toEqual([]);
  });

  it('makes no call fail, not even with a timeout of 0', async () => {
    using cache = new Cache(freshDirectory(), { timeout: 0 });
    await recordCheckpoints((messages) =>
      writeUntil(cache, () => messages.filter((it) => it.isInWorker && it.isComplete).length === 3).then(() => {}),
    );
  });

  it('stays short in a loop that never yields', async () => {
    using cache = new Cache(freshDirectory());
    for (let n = 0; n < 30_000; n++) {
      cache.set(n, 'v'.repeat(400));
      if (n % 1000 === 0) expect(getLogBytes(cache)).toBeLessThan(MAX_LOG_BYTES);
    }
    await turn();
    expect(threads).toHaveLength(1);
  });

  it('is synced as the store asks', async () => {
    using cache = new Cache(freshDirectory(), { durability: 'power' });
    await recordCheckpoints((messages) =>
      writeUntil(cache, () => messages.some((it) => it.isInWorker && it.isComplete)).then(() => {}),
    );
    expect(cache.check()).toEqual([]);
  });
});

describe('closing', () => {
  it('leaves no log behind, whatever the thread is doing', async () => {
    for (let round = 0; round < 8; round++) {
      const cache = new Cache(freshDirectory());
      // The request may be waiting, begun, or about to end.
      await writeUntil(cache, () => getLogBytes(cache) > (8 + round / 4) * MiB);
      cache.close();
      expect(readdirSync(cache.directory).filter((name) => /-(wal|shm)$/.test(name))).toEqual([]);
      rmSync(cache.directory, { recursive: true });
    }
  });

  it('ends the thread with the last store', async () => {
    const stores = [new Cache(freshDirectory()), new Cache(freshDirectory())];
    await recordCheckpoints(async (messages) => {
      for (const cache of stores) {
        await writeUntil(cache, () => messages.some((it) => it.isInWorker && it.directory === cache.directory));
      }
    });
    expect(threads).toHaveLength(1);
    const ended = new Promise((resolve) => threads[0]!.once('exit', resolve));
    for (const cache of stores) cache.close();
    expect(await ended).toBe(0);
  });
});

it('the shards of a FanoutCache share one thread', async () => {
  using fanout = new FanoutCache<string, string>(freshDirectory(), { shards: 8 });
  await recordCheckpoints(async (messages) => {
    await writeUntil(fanout, () => new Set(messages.filter((it) => it.isInWorker).map((it) => it.directory)).size > 2);
  });
  expect(threads).toHaveLength(1);
  expect(fanout.check()).toEqual([]);
});

describe('no thread is started', () => {
  const fill = (cache: Cache) => {
    for (let n = 0; n < 12_000; n++) cache.set(n, 'v'.repeat(400));
  };

  it.each([{ workerThread: false }, { exclusive: true }])('for a store with %o', async (options) => {
    using cache = new Cache(freshDirectory(), options);
    fill(cache);
    await turn();
    expect(threads).toEqual([]);
    expect(getLogBytes(cache)).toBeLessThan(21 * MiB);
  });

  it('while the application forbids it', async () => {
    const allow = withoutWorkerThread();
    onTestFinished(allow);
    using cache = new Cache(freshDirectory());
    fill(cache);
    await turn();
    expect(threads).toEqual([]);
  });

  it('for small stores', async () => {
    using cache = new Cache(freshDirectory());
    for (let n = 0; n < 200; n++) cache.set(n, n);
    await turn();
    expect(threads).toEqual([]);
  });
});

describe('a thread that ends by itself', () => {
  it('is replaced, and nothing is lost', async () => {
    using cache = new Cache<string, string>(freshDirectory());
    await recordCheckpoints(async (messages) => {
      for (let round = 1; round <= 2; round++) {
        await writeUntil(cache, () => threads.length === round);
        const ended = threads[round - 1]!.terminate();
        await writeUntil(cache, () => getLogBytes(cache) > 0);
        await ended;
      }
      await writeUntil(cache, () => messages.some((it) => it.isInWorker && it.isComplete));
    });
    expect(threads).toHaveLength(3);
    expect(cache.check()).toEqual([]);
  });
});

describe('without a usable thread', () => {
  const importEngine = async (module: string, replaced: object) => {
    vi.resetModules();
    vi.doMock(module, async (importOriginal) => ({ ...(await importOriginal<object>()), ...replaced }));
    onTestFinished(() => {
      vi.doUnmock(module);
      vi.resetModules();
    });
    return import('../../main/engine/index.ts');
  };
  const replaceWorker = (file: string | undefined) =>
    importEngine('../../main/engine/runtime-files.ts', { findWorkerFile: () => file });

  it('because the process may not start threads, checkpoints run here, and one warning says so', async () => {
    const warnings = recordWarnings();
    const engine = await importEngine('node:worker_threads', {
      Worker: class {
        constructor() {
          throw Object.assign(new Error('Access to this API has been restricted'), { code: 'ERR_ACCESS_DENIED' });
        }
      },
    });
    using cache = new engine.Cache<string, string>(freshDirectory());
    let longest = 0;
    await writeUntil(cache, () => {
      longest = Math.max(longest, getLogBytes(cache));
      return cache.size === 20_000;
    });
    expect(longest).toBeLessThan(21 * MiB);
    expect(warnings).toEqual([expect.stringContaining('Access to this API has been restricted')]);
  });

  it.each([
    ['its file is missing', undefined, 'the file that the worker thread runs is missing'],
    ['it always fails', `${import.meta.dirname}/failing-worker.mjs`, 'failed on purpose'],
  ])('because %s, checkpoints run here, and one warning says so', async (_, file, reason) => {
    const warnings = recordWarnings();
    const engine = await replaceWorker(file);
    using cache = new engine.Cache<string, string>(freshDirectory());
    await writeUntil(cache, () => warnings.length > 0);
    let longest = 0;
    await writeUntil(cache, () => {
      longest = Math.max(longest, getLogBytes(cache));
      return cache.size === 20_000;
    });
    expect(longest).toBeLessThan(21 * MiB);
    expect(warnings).toEqual([expect.stringContaining(reason)]);
    expect(warnings[0]).toContain('workerThread: false');
  });

  it('because it hangs, checkpoints run here, and closing waits for nothing', async () => {
    const engine = await replaceWorker(`${import.meta.dirname}/hanging-worker.mjs`);
    const cache = new engine.Cache<string, string>(freshDirectory());
    let longest = 0;
    await writeUntil(cache, () => {
      longest = Math.max(longest, getLogBytes(cache));
      return cache.size === 20_000;
    });
    expect(longest).toBeLessThan(MAX_LOG_BYTES);
    cache.close();
    expect(readdirSync(cache.directory)).not.toContain('cache.db-wal');
  });
});
