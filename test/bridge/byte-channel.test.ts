import { setImmediate } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ChannelTable, IncomingChannel, OutgoingChannel } from '../../main/bridge/byte-channel.ts';
import { Quota } from '../../main/bridge/principal.ts';
import { createByteSource } from '../../protocol/byte-channel.ts';
import { MAX_CHUNK_BYTES, MAX_CHUNKS_IN_FLIGHT } from '../../protocol/value-stream.ts';
import { errorMatching } from '../matchers.ts';

const chunk = (byte: number) => new Uint8Array([byte]);
const streamOf = (...parts: unknown[]) =>
  new ReadableStream<unknown>({
    start(controller) {
      for (const part of parts) controller.enqueue(part);
      controller.close();
    },
  });
async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

afterEach(() => void vi.useRealTimers());

describe('an incoming channel', () => {
  it('acknowledges each chunk when it is read, in order, and ends once', async () => {
    const onEnd = vi.fn();
    const channel = new IncomingChannel({ onEnd });
    const reader = channel.readable.getReader();
    const acknowledged: number[] = [];
    for (const byte of [1, 2]) void channel.push(chunk(byte)).then(() => acknowledged.push(byte));
    await setImmediate();
    expect(acknowledged).toEqual([]);
    expect((await reader.read()).value).toEqual(chunk(1));
    await setImmediate();
    expect(acknowledged).toEqual([1]);
    expect((await reader.read()).value).toEqual(chunk(2));
    await setImmediate();
    channel.end();
    expect((await reader.read()).done).toBe(true);
    channel.cancel(new Error('too late'));
    expect(await channel.push(chunk(3))).toBe(false);
    expect(onEnd).toHaveBeenCalledOnce();
  });

  it('refuses what isn’t a chunk, and still delivers what it has', async () => {
    const channel = new IncomingChannel();
    const pending = [1, 2].map((byte) => channel.push(chunk(byte)));
    for (const wrong of [new Uint8Array(MAX_CHUNK_BYTES + 1), 'text', [1], undefined]) {
      await expect(channel.push(wrong)).rejects.toEqual(errorMatching('BAD_VALUE'));
    }
    const reader = channel.readable.getReader();
    expect([(await reader.read()).value, (await reader.read()).value]).toEqual([chunk(1), chunk(2)]);
    expect(await Promise.all(pending)).toEqual([true, true]);
  });

  it('fails if it is ended while chunks are pending, so that a part is never taken for the whole', async () => {
    const channel = new IncomingChannel();
    const reader = channel.readable.getReader();
    const pushes = [channel.push(chunk(1)), channel.push(chunk(2))];
    await reader.read();
    channel.end();
    await expect(reader.read()).rejects.toEqual(errorMatching('BAD_VALUE', 'before its chunks were read'));
    expect(await Promise.all(pushes)).toEqual([true, false]);
  });

  it.each<[string, (channel: IncomingChannel) => unknown]>([
    ['its reader cancels', (channel) => channel.readable.cancel()],
    ['it is cancelled', (channel) => channel.cancel(new Error('gone'))],
  ])('settles every push when %s', async (_when, stop) => {
    const onEnd = vi.fn();
    const channel = new IncomingChannel({ onEnd });
    const pushes = [channel.push(chunk(1)), channel.push(chunk(2))];
    await stop(channel);
    expect(await Promise.all(pushes)).toEqual([false, false]);
    expect(await channel.push(chunk(3))).toBe(false);
    channel.end();
    await vi.waitFor(() => expect(onEnd).toHaveBeenCalledOnce());
  });
});

describe('an outgoing channel', () => {
  it('serves concurrent pulls in order, then the end', async () => {
    const channel = new OutgoingChannel(createByteSource(streamOf(chunk(1), chunk(2))));
    const pulls = await Promise.all([channel.pull(), channel.pull(), channel.pull()]);
    expect(pulls).toEqual([chunk(1), chunk(2), undefined]);
  });

  it('settles every pull with the reason when it is cancelled, and never with the end', async () => {
    const channel = new OutgoingChannel(createByteSource(new ReadableStream()));
    const pulls = Promise.allSettled([channel.pull(), channel.pull()]);
    const reason = new Error('gone');
    await channel.cancel(reason);
    for (const outcome of [...(await pulls), ...(await Promise.allSettled([channel.pull()]))]) {
      expect(outcome).toEqual({ status: 'rejected', reason });
    }
  });

  it('fails every pull after its source has failed', async () => {
    const reason = new Error('broken');
    const broken = new ReadableStream({ pull: (controller) => controller.error(reason) });
    const channel = new OutgoingChannel(createByteSource(broken));
    const pulls = await Promise.allSettled([channel.pull(), channel.pull()]);
    expect(pulls).toEqual([0, 1].map(() => ({ status: 'rejected', reason })));
  });

  it('continues after a pause behind what was sent', async () => {
    const reopen = vi.fn((bytesSent: number) => createByteSource(streamOf(chunk(bytesSent + 1))));
    const channel = new OutgoingChannel(createByteSource(streamOf(chunk(1), chunk(2), chunk(3))), reopen);
    expect([await channel.pull(), await channel.pull()]).toEqual([chunk(1), chunk(2)]);
    channel.pause();
    expect([await channel.pull(), await channel.pull()]).toEqual([chunk(3), undefined]);
    expect(reopen).toHaveBeenCalledExactlyOnceWith(2);
  });
});

describe('a table of channels', () => {
  const openTable = (onIdle: () => void = () => {}) => {
    const quota = new Quota(3, 'channels');
    const table = new ChannelTable<number, { cancel: (reason: Error) => void }>(1000, onIdle, quota);
    const cancel = vi.fn();
    quota.acquire();
    table.add(1, { cancel });
    return { table, quota, cancel };
  };

  it('has few chunks in flight, and no channel that wasn’t opened', async () => {
    const { table } = openTable();
    let settle = () => {};
    const read = new Promise<void>((resolve) => {
      settle = resolve;
    });
    const steps = Array.from({ length: MAX_CHUNKS_IN_FLIGHT }, () => table.use(1, () => read));
    expect(table.hasCredit(1)).toBe(false);
    await expect(table.use(1, async () => {})).rejects.toEqual(errorMatching('BUSY'));
    settle();
    await Promise.all(steps);
    expect(await table.use(1, async () => 'read')).toBe('read');
    await expect(table.use(2, async () => {})).rejects.toEqual(errorMatching('DISCONNECTED'));
  });

  it('reports an idle channel, but not one whose chunk is in flight or that was removed', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const onIdle = vi.fn();
    const { table } = openTable(onIdle);
    let settle = () => {};
    const read = new Promise<void>((resolve) => {
      settle = resolve;
    });
    const step = table.use(1, () => read);
    await vi.advanceTimersByTimeAsync(5000);
    expect(onIdle).not.toHaveBeenCalled();
    settle();
    await step;
    await vi.advanceTimersByTimeAsync(999);
    expect(onIdle).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(onIdle).toHaveBeenCalledOnce();
    const last = table.use(1, async () => void table.remove(1));
    await last;
    await vi.advanceTimersByTimeAsync(5000);
    expect(onIdle).toHaveBeenCalledOnce();
  });

  it('releases the quota once for each channel, and cancels what is open when it is closed', () => {
    const { table, quota, cancel } = openTable();
    table.remove(1);
    table.remove(1);
    expect([table.size, quota.open, cancel.mock.calls.length]).toEqual([0, 0, 0]);
    quota.acquire();
    table.add(2, { cancel });
    const reason = new Error('gone');
    table.close(reason);
    expect([table.size, quota.open]).toEqual([0, 0]);
    expect(cancel).toHaveBeenCalledExactlyOnceWith(reason);
  });
});

describe('a byte source', () => {
  it('is read ahead, as a whole if it is small, and gives everything once', async () => {
    const small = createByteSource(streamOf(chunk(1), chunk(2)));
    expect(await small.readAhead(2)).toEqual(new Uint8Array([1, 2]));
    const large = createByteSource(streamOf(chunk(1), chunk(2), chunk(3)));
    expect(await large.readAhead(1)).toBeUndefined();
    expect(await collect(large.chunks)).toEqual([chunk(1), chunk(2), chunk(3)]);
  });

  it('cancels a stream that gives something else than bytes', async () => {
    for (const part of ['text', undefined, null]) {
      const cancel = vi.fn();
      const stream = new ReadableStream<unknown>({ pull: (controller) => controller.enqueue(part), cancel });
      await expect(createByteSource(stream).readAhead(9)).rejects.toThrow(TypeError);
      expect(cancel).toHaveBeenCalledOnce();
    }
  });

  it('gives chunks that fit, each in a buffer of its own', async () => {
    const bytes = Uint8Array.from({ length: 3 * MAX_CHUNK_BYTES + 7 }, (_, n) => n % 251);
    const parts = [bytes.subarray(0, 5), bytes.subarray(5, 5), bytes.subarray(5, 9), bytes.slice(9)];
    const chunks = await collect(createByteSource(streamOf(...parts)).chunks);
    expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
    for (const { length, buffer } of chunks) {
      expect(length).toBeGreaterThan(0);
      expect(length).toBeLessThanOrEqual(MAX_CHUNK_BYTES);
      expect(buffer.byteLength).toBe(length);
    }
  });
});
