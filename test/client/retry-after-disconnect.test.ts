import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { beforeEach, describe, expect, it } from 'vitest';
import type { MessagePortLike } from '../../client/port-connection.ts';
import { DiskCacheError, toErrorData } from '../../protocol/error.ts';
import { createGoodbye, type Operation } from '../../protocol/wire.ts';
import { DiskCache } from '../../renderer-api/disk-cache.ts';

/** What each line was asked, in order. A line answers with its own number, or never. */
let requests: Operation[][];
let ports: MessagePort[];

/** A page whose lines before the `sessionOpener`th are silent. */
function openPage(respond: number): DiskCache {
  return new DiskCache(async () => {
    const { port1, port2 } = new MessageChannel();
    const number = ports.push(port1);
    port1.on('message', ([id, operations]: [number, Operation[]]) => {
      requests.push(operations);
      if (number >= respond) port1.postMessage([id, operations.map(() => number), []]);
    });
    return port2 as unknown as MessagePortLike;
  });
}

const getCode = (error: unknown): string => (error instanceof DiskCacheError ? error.code : String(error));
const settle = (promise: PromiseLike<unknown>) => promise.then((value) => value, getCode);

/** Ends the youngest line when it was asked so many messages in all. */
async function closeAfter(messages: number, lastWord?: unknown): Promise<void> {
  while (requests.length < messages) await new Promise((resolve) => setTimeout(resolve, 1));
  if (lastWord !== undefined) ports.at(-1)!.postMessage(lastWord);
  ports.at(-1)!.close();
}

beforeEach(() => {
  requests = [];
  ports = [];
});

describe('when a connection is lost', () => {
  it('read-only calls are retried once over the next connection', async () => {
    const page = openPage(2);
    const reads = Promise.all([page.get('a'), page.index('settings').size, page.stats()]);
    await closeAfter(1);
    expect(await reads).toEqual([2, 2, 2]);
    expect(requests[1]).toEqual(requests[0]);
    page.disconnect();
  });

  it('and not more than once', async () => {
    const page = openPage(3);
    const read = settle(page.get('a'));
    await closeAfter(1);
    await closeAfter(2);
    expect(await read).toBe('DISCONNECTED');
    expect(await page.get('b')).toBe(3);
    expect(requests.length).toBe(3);
    page.disconnect();
  });

  it.each<[string, (page: DiskCache) => PromiseLike<unknown>]>([
    ['a write', (page) => page.set('a', 1)],
    ['a read that writes', (page) => page.stats({ reset: true })],
    ['a batch', (page) => page.batch([{ get: ['a'] }])],
    ['a read in the turn of a write', (page) => Promise.all([page.get('a'), page.incr('a')])],
  ])('%s rejects, because the write may have been applied', async (_, call) => {
    const page = openPage(2);
    const result = settle(call(page));
    await closeAfter(1);
    expect(await result).toBe('DISCONNECTED');
    expect(await page.get('next')).toBe(2);
    expect(requests.length).toBe(2);
    page.disconnect();
  });

  it('nothing is retried after a deliberate close', async () => {
    const page = openPage(2);
    const read = settle(page.get('a'));
    await closeAfter(1, createGoodbye(toErrorData(new DiskCacheError('DISCONNECTED', 'The host was closed'))));
    expect(await read).toBe('DISCONNECTED');
    expect(requests.length).toBe(1);
    page.disconnect();
  });
});
