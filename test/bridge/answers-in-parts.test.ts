import type { MessagePort } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import type { ResponseMessage, ResponsePart } from '../../protocol/wire.ts';
import { openBridge } from './bridge-fixture.ts';

const KB = 1000;

/** Posts a request as a page does, and returns every message of the answer to it. */
function ask(port: MessagePort, id: number, operations: unknown[][]): Promise<(ResponseMessage | ResponsePart)[]> {
  const messages: (ResponseMessage | ResponsePart)[] = [];
  return new Promise((resolve) => {
    port.on('message', (message: ResponseMessage | ResponsePart) => {
      if (!Array.isArray(message) || message[0] !== id) return;
      messages.push(message);
      if (message.length > 2 || 'refused' in message[1]) resolve(messages);
    });
    port.postMessage([id, operations]);
  });
}

const bytesIn = (values: readonly unknown[]) => values.reduce((sum: number, it) => sum + (it as Uint8Array).length, 0);

describe('a large answer', () => {
  const read = (id: number, count: number) => {
    const bridge = openBridge();
    for (let n = 0; n < count; n++) bridge.cacheInMain('api').set(n, new Uint8Array(900 * KB).fill(n));
    const operations = Array.from({ length: count }, (_, n) => ['api', 'get', n]);
    return { bridge, messages: ask(bridge.rawPort(), id, operations) };
  };

  it('comes in messages of about a MiB to a page that takes parts, whole and in order', async () => {
    const { bridge, messages } = read(-7, 30);
    using _ = bridge;
    const parts = await messages;
    expect(parts.length).toBeGreaterThan(20);
    for (const [, values] of parts) expect(bytesIn(values as unknown[])).toBeLessThan(2 * 2 ** 20);
    const values = parts.flatMap(([, some]) => some as unknown[]) as Uint8Array[];
    expect(values.map(([first]) => first)).toEqual(Array.from({ length: 30 }, (_, n) => n));
    expect(parts.at(-1)![2]).toEqual([]);
  });

  it('comes in one message of at most 16 MiB to a page that does not', async () => {
    const { bridge, messages } = read(7, 30);
    using _ = bridge;
    const [answer, ...more] = (await messages) as ResponseMessage[];
    expect(more).toEqual([]);
    const failures = answer![2]!;
    expect(failures.length).toBeGreaterThan(10);
    expect(new Set(failures.map(([, { code }]) => code))).toEqual(new Set(['TOO_LARGE']));
  });

  it('is one value for the page: the parts are invisible', async () => {
    using bridge = openBridge();
    const api = bridge.diskCache.cache('api');
    for (let n = 0; n < 40; n++) bridge.cacheInMain('api').set(n, new Uint8Array(900 * KB).fill(n));
    const values = await Promise.all([
      ...Array.from({ length: 40 }, (_, n) => api.get(n)),
      api.get('none'),
      api.incr('text', 1).catch(({ code }) => code),
    ]);
    expect(values.slice(0, 40).map((it) => (it as Uint8Array)[0])).toEqual(Array.from({ length: 40 }, (_, n) => n));
    expect(values.slice(40)).toEqual([undefined, 1]);
  });

  it('of one call is limited to 32 MiB, in parts or not', async () => {
    using bridge = openBridge();
    for (let n = 0; n < 40; n++) bridge.cacheInMain('api').set(n, new Uint8Array(900 * KB));
    const keys = Array.from({ length: 40 }, (_, n) => n);
    const [answer] = (await ask(bridge.rawPort(), -1, [['api', 'getMany', keys]])) as ResponseMessage[];
    expect(answer![2]).toEqual([[0, expect.objectContaining({ code: 'TOO_LARGE' })]]);
  });
});
