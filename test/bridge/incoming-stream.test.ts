import { setImmediate } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { IncomingStream } from '../../main/bridge/byte-channel.ts';
import { MAX_CHUNK_BYTES, MAX_CHUNKS_IN_FLIGHT } from '../../protocol/value-stream.ts';
import { errorMatching } from '../matchers.ts';

const chunk = (byte: number) => new Uint8Array([byte]);

describe('a stream that is pushed', () => {
  it('answers each chunk when it is read, in order, and ends once', async () => {
    const onEnd = vi.fn();
    const stream = new IncomingStream(onEnd);
    const reader = stream.readable.getReader();
    const answered: number[] = [];
    for (const byte of [1, 2]) void stream.push(chunk(byte)).then(() => answered.push(byte));
    await setImmediate();
    expect(answered).toEqual([]);
    expect((await reader.read()).value).toEqual(chunk(1));
    await setImmediate();
    expect(answered).toEqual([1]);
    expect((await reader.read()).value).toEqual(chunk(2));
    stream.end();
    expect((await reader.read()).done).toBe(true);
    stream.fail(new Error('too late'));
    expect(await stream.push(chunk(3))).toBe(false);
    expect(onEnd).toHaveBeenCalledOnce();
  });

  it('refuses invalid chunks and one more than may be queued; queued ones are still read', async () => {
    const stream = new IncomingStream();
    const waiting = Array.from({ length: MAX_CHUNKS_IN_FLIGHT }, (_, n) => stream.push(chunk(n)));
    await expect(stream.push(chunk(9))).rejects.toEqual(errorMatching('BUSY'));
    for (const wrong of [new Uint8Array(MAX_CHUNK_BYTES + 1), 'text', [1], undefined]) {
      await expect(stream.push(wrong)).rejects.toEqual(errorMatching('BAD_VALUE'));
    }
    const reader = stream.readable.getReader();
    for (const [n, push] of waiting.entries()) {
      expect((await reader.read()).value).toEqual(chunk(n));
      expect(await push).toBe(true);
    }
  });

  it('that ends while chunks are queued fails, so that a part is never taken for the whole', async () => {
    const stream = new IncomingStream();
    const reader = stream.readable.getReader();
    const pushes = [stream.push(chunk(1)), stream.push(chunk(2))];
    await reader.read();
    stream.end();
    await expect(reader.read()).rejects.toEqual(errorMatching('BAD_VALUE', 'before its chunks were taken'));
    expect(await Promise.all(pushes)).toEqual([true, false]);
  });

  it('that is cancelled or aborted rejects the waiting writers', async () => {
    for (const leave of [
      (stream: IncomingStream) => stream.readable.cancel(),
      (stream: IncomingStream) => stream.fail(new Error('gone')),
    ]) {
      const onEnd = vi.fn();
      const stream = new IncomingStream(onEnd);
      const pushes = [stream.push(chunk(1)), stream.push(chunk(2))];
      await leave(stream);
      expect(await Promise.all(pushes)).toEqual([false, false]);
      expect(onEnd).toHaveBeenCalledOnce();
    }
  });
});
