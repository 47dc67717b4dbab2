import { inspect } from 'node:util';
import type { MessagePort } from 'node:worker_threads';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Grant } from '../../main/bridge/grant.ts';
import type { Queue } from '../../main/queue/index.ts';
import { cache, deque, fanout, index } from '../../protocol/stores.ts';
import { isGoodbye } from '../../protocol/wire.ts';
import { collectAllGarbage, getMemoryBytes } from '../gc.ts';
import { type BridgeFixture, openBridge } from './bridge-fixture.ts';
import { hostileMessage } from './hostile-messages.ts';

/*
 * A page that was taken over speaks to its port directly. Whatever it says, the main process lives and answers, other stores stay
 * as they are and untold, and no prototype is touched.
 */

const stores = { api: cache(), shards: fanout({ shards: 2 }), settings: index(), outbox: deque(), secret: cache() };
const grant: Grant = {
  stores: { api: 'write', shards: 'write', settings: 'write', outbox: 'write', '@queue/letters': 'write' },
  bytes: 5_000_000,
};
const SECRET = 'swordfish';

/** Bytes on the heap and beside it after a garbage collection, the stores' memory tiers included. */
async function measureLiveBytes(): Promise<number> {
  await collectAllGarbage();
  return getMemoryBytes();
}

/**
 * What the port answers until it has answered a last, honest question. Receipts are posted back: a page that keeps more than 32 MiB of
 * responses unconfirmed is disconnected.
 */
async function collectAnswers(port: MessagePort, messages: readonly unknown[], last: number): Promise<unknown[]> {
  const received: unknown[] = [];
  const done = new Promise<void>((resolve, reject) => {
    port.on('message', (answer: unknown) => {
      if (isGoodbye(answer)) reject(new Error(`The port was closed: ${inspect(answer)}`));
      received.push(answer);
      if (!Array.isArray(answer)) return;
      const [id, , , receipt] = answer;
      if (receipt !== undefined) port.postMessage([receipt]);
      if (id === last) resolve();
    });
  });
  for (const it of messages) port.postMessage(it);
  port.postMessage([last, [['api', 'has', 'k']]]);
  await done;
  port.removeAllListeners('message');
  return received;
}

/** A repair finds nothing to count anew, but those whose time has come. */
function getQueueCounts(queue: Queue) {
  const { ready, delayed, ...others } = queue.counts();
  return { ...others, waiting: ready + delayed };
}

function expectUnharmed(bridge: BridgeFixture, heard: readonly unknown[], last: number): void {
  expect((heard.at(-1) as unknown[]).slice(0, 3)).toEqual([last, [expect.any(Boolean)], []]);
  expect(inspect(heard, { depth: 9, maxArrayLength: null })).not.toContain(SECRET);
  expect([...bridge.cacheInMain('secret').entries()]).toEqual([['word', SECRET]]);
  for (const odd of ['polluted', 'evil', 'pwned']) expect({}).not.toHaveProperty(odd);
}

describe('a hostile page', () => {
  // 30 seconds of work alone; a busy machine takes several times as long.
  it('harms nothing by 100 000 messages of every malformed shape', { timeout: 480_000 }, async () => {
    using bridge = openBridge({ stores, grant });
    bridge.cacheInMain('secret').set('word', SECRET);
    const letters = bridge.queues.find('letters', { durability: 'process' });
    const secret = bridge.queues.find('secret', { durability: 'process' });
    secret.enqueue(SECRET);
    let sent = 0;
    let memory = Number.NaN;
    const property = fc.asyncProperty(
      fc.array(hostileMessage, { minLength: 500, maxLength: 500 }),
      async (messages) => {
        const port = bridge.rawPort();
        const last = 1e15 + sent;
        for (let round = 0; round < 10; round++) {
          expectUnharmed(bridge, await collectAnswers(port, messages, last + round), last + round);
          sent += messages.length;
        }
        port.close();
        // What is loaded and compiled once comes with the first of them.
        if (Number.isNaN(memory)) memory = await measureLiveBytes();
      },
    );
    await fc.assert(property, { numRuns: 20, endOnFailure: true });
    expect(sent).toBeGreaterThanOrEqual(100_000);
    for (const name of Object.keys(stores)) expect(bridge.registry.get(name).check()).toEqual([]);
    expect([letters.check(), secret.check()]).toEqual([[], []]);
    expect([letters.paused, secret.counts().ready]).toEqual([false, 1]);
    // Whether one of the hostile jobs still waits is chance.
    letters.enqueue('honest');
    const counted = getQueueCounts(letters);
    expect(counted.waiting).toBeGreaterThan(0);
    letters.check({ repair: true });
    expect(getQueueCounts(letters)).toEqual(counted);
    expect((await measureLiveBytes()) - memory).toBeLessThan(24 * 2 ** 20);
  });

  it('gets NOT_ALLOWED at once and in order for a store it was not granted, whatever path leads there', async () => {
    using bridge = openBridge({ stores, grant });
    bridge.cacheInMain('secret').set('word', SECRET);
    const port = bridge.rawPort();
    const ways = [
      'secret',
      '../secret',
      'api/../secret',
      '@window',
      'default',
      '*',
      '__proto__',
      'constructor',
      'SECRET',
    ];
    const operations = ways.map((name) => [name, 'get', 'word']);
    const [answer] = (await collectAnswers(port, [[1, operations]], 2)) as [[number, unknown[], [number, unknown][]]];
    expect(answer[2].map(([place]) => place).sort()).toEqual([...ways.keys()]);
    for (const [, error] of answer[2]) expect(error).toMatchObject({ code: 'NOT_ALLOWED' });
  });

  it('writes as many bytes as it was granted, and no more', async () => {
    using bridge = openBridge({ stores, grant: { stores: { '*': 'admin' }, bytes: 100_000 } });
    const { diskCache } = bridge;
    await diskCache.set('a', new Uint8Array(60_000));
    await expect(diskCache.set('b', new Uint8Array(60_000))).rejects.toThrow(/was granted 100000 bytes/);
    await expect(diskCache.batch([{ set: ['b', 'x'.repeat(60_000)] }])).rejects.toMatchObject({ code: 'TOO_LARGE' });
    await diskCache.deque('outbox').push('x'.repeat(30_000));
    await expect(diskCache.index('settings').set('k', 'x'.repeat(30_000))).rejects.toMatchObject({ code: 'TOO_LARGE' });
    expect(await diskCache.get('a')).toHaveLength(60_000);
    expect(await diskCache.has('b')).toBe(false);
  });
});
