import { once } from 'node:events';
import { MessageChannel, Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { FULL_GRANT } from '../../main/bridge/grant.ts';
import { openSession } from '../../main/bridge/session.ts';
import { Cache } from '../../main/engine/index.ts';
import { cache, index } from '../../protocol/stores.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { collectGarbage, getMemoryBytes } from '../gc.ts';
import { openBridge } from './bridge-fixture.ts';
import { createPattern, equalBytes } from './byte-pattern.ts';

const MB = 1_000_000;
const MIB = 2 ** 20;
const TOO_LARGE = expect.objectContaining({ name: 'DiskCacheError', code: 'TOO_LARGE' });

/** What this thread, which is the main process, has in memory; without garbage, where it is more than `most`. The page's thread has its own. */
function measureMemory(limitBytes: number): number {
  if (getMemoryBytes() < limitBytes) return limitBytes;
  collectGarbage();
  collectGarbage();
  return getMemoryBytes();
}

it('500 MB go there and back while the main process grows by less than 32 MB', { timeout: 300_000 }, async () => {
  using cache = new Cache(freshDirectory());
  const { port1, port2 } = new MessageChannel();
  openSession(port1 as never, FULL_GRANT, () => cache);
  const before = measureMemory(0);
  let most = before;
  let looks = 0;
  const looking = setInterval(() => {
    most = Math.max(most, measureMemory(most));
    looks++;
  }, 100);
  const page = new Worker(new URL('./large-value-page.ts', import.meta.url), {
    workerData: { port: port2, bytes: 500 * MB },
    transferList: [port2],
  });
  expect(await once(page, 'message')).toEqual(['stored']);
  expect(cache.openBytes('large')?.size).toBe(500 * MB);
  expect(await once(page, 'message')).toEqual(['same']);
  clearInterval(looking);
  expect(looks).toBeGreaterThan(5);
  expect((most - before) / MB).toBeLessThan(32);
  await page.terminate();
  port1.close();
});

describe('a value larger than any message', () => {
  const stores = { api: cache(), facts: index() };

  it('goes through set and get of a cache, and is refused elsewhere', async () => {
    using bridge = openBridge({ stores });
    const value = createPattern(70 * MIB);
    await bridge.diskCache.cache('api').set('large', value);
    expect(equalBytes(await bridge.diskCache.cache('api').get('large'), value)).toBe(true);
    await expect(bridge.diskCache.index('facts').set('large', value)).rejects.toEqual(TOO_LARGE);
  });

  it('makes no getMany and no page read more than an answer holds', async () => {
    using bridge = openBridge({ stores });
    const store = bridge.diskCache.cache('api');
    await store.set('huge', createPattern(65 * MIB));
    const before = process.memoryUsage().arrayBuffers;
    await expect(store.getMany(['huge'])).rejects.toEqual(TOO_LARGE);
    await expect(store.getEntry('huge')).rejects.toEqual(TOO_LARGE);
    await expect(store.values()).rejects.toEqual(TOO_LARGE);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(30 * MIB);
    expect(await store.keys()).toEqual(['huge']);
  });
});
