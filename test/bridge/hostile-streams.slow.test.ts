import { readdirSync, readlinkSync } from 'node:fs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Grant } from '../../main/bridge/grant.ts';
import { Principal } from '../../main/bridge/principal.ts';
import { cache } from '../../protocol/stores.ts';
import { openBridge } from './bridge-fixture.ts';
import { openRawPort } from './raw-port.ts';

const MIB = 2 ** 20;
const stores = { api: cache() };
const READ: Grant = { stores: { api: 'read' } };

afterEach(() => void vi.useRealTimers());

describe('streams that are left half-way', () => {
  /** Of one store: those of a test before this one may still be on their way to being closed. */
  const openFiles = (directory: string) =>
    readdirSync('/proc/self/fd').filter((name) => {
      try {
        return readlinkSync(`/proc/self/fd/${name}`).startsWith(directory);
      } catch {
        return false;
      }
    }).length;
  const hasFiles = process.platform === 'linux';

  it('are bounded for all connections of a window and origin', async () => {
    const principal = new Principal();
    using bridge = openBridge({ stores });
    bridge.cacheInMain('api').set('large', new Uint8Array(2 * MIB));
    const codes: unknown[] = [];
    for (let page = 0; page < 4; page++) {
      const { one } = openRawPort(bridge.rawPort({ stores: { api: 'write' } }, principal));
      for (let n = 0; n < 60; n++) {
        const opening = n % 2 ? one('api', 'openUpload', `k${n}`) : one('api', 'openStream', 'large');
        codes.push(
          await opening.then(
            () => 'open',
            (error: { code: string }) => error.code,
          ),
        );
      }
    }
    expect(codes.filter((code) => code === 'open')).toHaveLength(128);
    expect(new Set(codes)).toEqual(new Set(['open', 'BUSY']));
    bridge.sessions[0]!.close(new Error('gone') as never);
    const { one } = openRawPort(bridge.rawPort(READ, principal));
    await expect(one('api', 'openStream', 'large')).resolves.toMatchObject({ size: 2 * MIB });
  });

  it.runIf(hasFiles)('have no file open while nothing is read, and go on where they were', async () => {
    using bridge = openBridge({ stores });
    const bytes = Uint8Array.from({ length: 3 * MIB }, (_, n) => (n * 7) % 251);
    bridge.cacheInMain('api').set('large', bytes);
    const page = openRawPort(bridge.rawPort(READ));
    await page.one('api', 'has', 'k');
    const { directory } = bridge.cacheInMain('api');
    const before = openFiles(directory);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const streams = (await Promise.all(
      Array.from({ length: 20 }, () => page.one('api', 'openStream', 'large', { start: 5 })),
    )) as { stream: string }[];
    const { stream } = streams[0]!;
    const read = [(await page.one('api', 'nextChunk', stream)) as Uint8Array];
    expect(openFiles(directory)).toBeGreaterThanOrEqual(before + 20);
    await vi.advanceTimersByTimeAsync(11_000);
    vi.useRealTimers();
    await vi.waitFor(() => expect(openFiles(directory)).toBeLessThanOrEqual(before));
    for (
      let chunk = await page.one('api', 'nextChunk', stream);
      chunk;
      chunk = await page.one('api', 'nextChunk', stream)
    )
      read.push(chunk as Uint8Array);
    expect(Buffer.concat(read).equals(bytes.subarray(5))).toBe(true);
    // One whose value was replaced meanwhile says so.
    bridge.cacheInMain('api').set('large', new Uint8Array(2 * MIB));
    await expect(page.one('api', 'nextChunk', streams[1]!.stream)).rejects.toMatchObject({
      code: 'DISCONNECTED',
      message: expect.stringMatching(/replaced or deleted/),
    });
  });

  it('are given up when nothing is sent for long, and leave nothing', async () => {
    using bridge = openBridge({ stores });
    const page = openRawPort(bridge.rawPort({ stores: { api: 'write' } }));
    await page.one('api', 'has', 'k');
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const stream = await page.one('api', 'openUpload', 'k');
    await page.one('api', 'sendChunk', stream, new Uint8Array(1000));
    await vi.advanceTimersByTimeAsync(60_000);
    await page.one('api', 'sendChunk', stream, new Uint8Array(1000));
    await vi.advanceTimersByTimeAsync(100_000);
    expect(bridge.sessions.at(-1)!.streams).toBe(1);
    await vi.advanceTimersByTimeAsync(21_000);
    vi.useRealTimers();
    expect(bridge.sessions.at(-1)!.streams).toBe(0);
    await expect(page.one('api', 'sendChunk', stream, new Uint8Array(1))).rejects.toMatchObject({
      code: 'DISCONNECTED',
      message: expect.stringMatching(/nothing was sent for too long/),
    });
    expect(bridge.cacheInMain('api').has('k')).toBe(false);
    expect(bridge.cacheInMain('api').check()).toEqual([]);
  });

  it('hold one large compressed value in memory, not one for each', async () => {
    using bridge = openBridge({ stores: { api: cache({ compression: 'zstd' }) } });
    // What shrinks to less than a 256th would be stored as it is, in a file of which one chunk is in memory.
    const value = new Uint8Array(40 * MIB);
    for (let at = 0; at < MIB; at += 2 ** 16) crypto.getRandomValues(value.subarray(at, at + 2 ** 16));
    bridge.cacheInMain('api').set('large', value);
    expect(bridge.cacheInMain('api').volume()).toBeLessThan(4 * MIB);
    const { one } = openRawPort(bridge.rawPort(READ));
    const opened = (await one('api', 'openStream', 'large')) as { stream: string };
    await expect(one('api', 'openStream', 'large')).rejects.toMatchObject({ code: 'BUSY' });
    await one('api', 'leaveStream', opened.stream);
    await expect(one('api', 'openStream', 'large')).resolves.toMatchObject({ size: 40 * MIB });
  });
});
