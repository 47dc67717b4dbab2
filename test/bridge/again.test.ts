import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { beforeEach, describe, expect, it } from 'vitest';
import { DiskCacheError, toErrorData } from '../../protocol/error.ts';
import { goodbye, type Operation } from '../../protocol/wire.ts';
import type { Port } from '../../renderer-api/client/line.ts';
import { DiskCache } from '../../renderer-api/disk-cache.ts';

/** What each line was asked, in order. A line answers with its own number, or never. */
let asked: Operation[][];
let lines: MessagePort[];

/** A page whose lines before the `answering`th are silent. */
function pageOver(answering: number): DiskCache {
  return new DiskCache(async () => {
    const { port1, port2 } = new MessageChannel();
    const number = lines.push(port1);
    port1.on('message', ([id, operations]: [number, Operation[]]) => {
      asked.push(operations);
      if (number >= answering) port1.postMessage([id, operations.map(() => number), []]);
    });
    return port2 as unknown as Port;
  });
}

const codeOf = (error: unknown): string => (error instanceof DiskCacheError ? error.code : String(error));
const outcome = (promise: PromiseLike<unknown>) => promise.then((value) => value, codeOf);

/** Ends the youngest line when it was asked so many messages in all. */
async function cutAfter(messages: number, lastWord?: unknown): Promise<void> {
  while (asked.length < messages) await new Promise((resolve) => setTimeout(resolve, 1));
  if (lastWord !== undefined) lines.at(-1)!.postMessage(lastWord);
  lines.at(-1)!.close();
}

beforeEach(() => {
  asked = [];
  lines = [];
});

describe('when a line is cut', () => {
  it('what only reads is sent once more, over the next', async () => {
    const page = pageOver(2);
    const reads = Promise.all([page.get('a'), page.index('settings').size, page.stats()]);
    await cutAfter(1);
    expect(await reads).toEqual([2, 2, 2]);
    expect(asked[1]).toEqual(asked[0]);
    page.disconnect();
  });

  it('once and no more often', async () => {
    const page = pageOver(3);
    const read = outcome(page.get('a'));
    await cutAfter(1);
    await cutAfter(2);
    expect(await read).toBe('DISCONNECTED');
    expect(await page.get('b')).toBe(3);
    expect(asked.length).toBe(3);
    page.disconnect();
  });

  it.each<[string, (page: DiskCache) => PromiseLike<unknown>]>([
    ['a write', (page) => page.set('a', 1)],
    ['a read that writes', (page) => page.stats({ reset: true })],
    ['a batch', (page) => page.batch([{ get: ['a'] }])],
    ['a read in the turn of a write', (page) => Promise.all([page.get('a'), page.incr('a')])],
  ])('%s rejects, for it may have been made', async (_, call) => {
    const page = pageOver(2);
    const result = outcome(call(page));
    await cutAfter(1);
    expect(await result).toBe('DISCONNECTED');
    expect(await page.get('next')).toBe(2);
    expect(asked.length).toBe(2);
    page.disconnect();
  });

  it('after a goodbye nothing is sent again', async () => {
    const page = pageOver(2);
    const read = outcome(page.get('a'));
    await cutAfter(1, goodbye(toErrorData(new DiskCacheError('DISCONNECTED', 'The host was closed'))));
    expect(await read).toBe('DISCONNECTED');
    expect(asked.length).toBe(1);
    page.disconnect();
  });
});
