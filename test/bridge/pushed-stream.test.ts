import { setImmediate } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { PushedStream } from '../../main/bridge/pushed-stream.ts';
import { CHUNK_BYTES, CHUNKS_AHEAD } from '../../protocol/value-stream.ts';
import { failure } from '../failure.ts';

const chunk = (byte: number) => new Uint8Array([byte]);

describe('a stream that is pushed', () => {
  it('answers each chunk when it is read, in order, and ends once', async () => {
    const onEnd = vi.fn();
    const stream = new PushedStream(onEnd);
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

  it('refuses what is no chunk, and one more than may wait; those that wait are read all the same', async () => {
    const stream = new PushedStream();
    const waiting = Array.from({ length: CHUNKS_AHEAD }, (_, n) => stream.push(chunk(n)));
    await expect(stream.push(chunk(9))).rejects.toEqual(failure('BUSY'));
    for (const wrong of [new Uint8Array(CHUNK_BYTES + 1), 'text', [1], undefined]) {
      await expect(stream.push(wrong)).rejects.toEqual(failure('BAD_VALUE'));
    }
    const reader = stream.readable.getReader();
    for (const [n, push] of waiting.entries()) {
      expect((await reader.read()).value).toEqual(chunk(n));
      expect(await push).toBe(true);
    }
  });

  it('that is ended while chunks wait has failed, so that nobody takes a part for the whole', async () => {
    const stream = new PushedStream();
    const reader = stream.readable.getReader();
    const pushes = [stream.push(chunk(1)), stream.push(chunk(2))];
    await reader.read();
    stream.end();
    await expect(reader.read()).rejects.toEqual(failure('BAD_VALUE', 'before its chunks were taken'));
    expect(await Promise.all(pushes)).toEqual([true, false]);
  });

  it('that nobody wants any more, or that broke off, says so to those that wait', async () => {
    for (const leave of [
      (stream: PushedStream) => stream.readable.cancel(),
      (stream: PushedStream) => stream.fail(new Error('gone')),
    ]) {
      const onEnd = vi.fn();
      const stream = new PushedStream(onEnd);
      const pushes = [stream.push(chunk(1)), stream.push(chunk(2))];
      await leave(stream);
      expect(await Promise.all(pushes)).toEqual([false, false]);
      expect(onEnd).toHaveBeenCalledOnce();
    }
  });
});
