import { ReadableStream, type ReadableStreamDefaultController } from 'node:stream/web';
import { describe, expect, it, vi } from 'vitest';
import { getNextState, StoreTee, type TeeEvent, type TeeState } from '../../../main/offline/http/tee.ts';

const STATES: readonly TeeState[] = ['both', 'disk-only', 'reader-only', 'aborted'];
const EVENTS: readonly TeeEvent[] = ['reader-left', 'store-failed', 'source-failed', 'aborted'];
const CHUNK = new Uint8Array([1, 2, 3]);
const LARGE = new Uint8Array(2 * 1024 * 1024);

/** A tee whose source and disk do what the test says. */
function openTee(size = Number.NaN) {
  let source: ReadableStreamDefaultController<Uint8Array> | undefined;
  const cancelled = vi.fn();
  let diskError: Error | undefined;
  const written: Uint8Array[] = [];
  const listener = { onReaderLag: vi.fn(), onReaderLeave: vi.fn(), onStoreFailure: vi.fn() };
  const [reader, both] = [new AbortController(), new AbortController()];
  const tee = new StoreTee({
    source: new ReadableStream<Uint8Array>({
      start: (controller) => {
        source = controller;
      },
      cancel: cancelled,
    }),
    size,
    write: async (chunks) => {
      for await (const chunk of chunks) {
        if (diskError !== undefined) throw diskError;
        written.push(chunk);
      }
    },
    listener,
    readerSignal: reader.signal,
    abortSignal: both.signal,
  });
  tee.done.catch(() => undefined);
  /** A disk fails when it is given a chunk. */
  const failDisk = (error: Error) => {
    diskError = error;
    source?.enqueue(CHUNK);
  };
  return { tee, source: source!, cancelled, written, listener, reader, both, failDisk };
}

type OpenTee = ReturnType<typeof openTee>;

/** Brings a new tee into a state. */
async function openIn(state: TeeState): Promise<OpenTee> {
  const opened = openTee();
  if (state === 'disk-only') opened.reader.abort(new Error('reader before'));
  if (state === 'aborted') opened.both.abort(new Error('abort before'));
  if (state === 'reader-only') opened.failDisk(new Error('disk before'));
  await expect.poll(() => opened.tee.state).toBe(state);
  for (const listen of Object.values(opened.listener)) listen.mockClear();
  return opened;
}

const CAUSES: Record<TeeEvent, (opened: OpenTee, error: Error) => void> = {
  'reader-left': ({ reader }, error) => reader.abort(error),
  'store-failed': ({ failDisk }, error) => failDisk(error),
  'source-failed': ({ source }, error) => source.error(error),
  aborted: ({ both }, error) => both.abort(error),
};

/** What each event leads to from each state; `ended` for those that can't happen there any more. */
const EXPECTED: Record<TeeState, Record<TeeEvent, TeeState | 'ended'>> = {
  both: { 'reader-left': 'disk-only', 'store-failed': 'reader-only', 'source-failed': 'aborted', aborted: 'aborted' },
  'disk-only': { 'reader-left': 'ended', 'store-failed': 'aborted', 'source-failed': 'aborted', aborted: 'aborted' },
  'reader-only': { 'reader-left': 'aborted', 'store-failed': 'ended', 'source-failed': 'aborted', aborted: 'aborted' },
  aborted: { 'reader-left': 'ended', 'store-failed': 'ended', 'source-failed': 'ended', aborted: 'ended' },
};
const TRANSITIONS = STATES.flatMap((state) => EVENTS.map((event) => [state, event, EXPECTED[state][event]] as const));

describe('the states of a tee', () => {
  it.each(TRANSITIONS)('%s, %s: %s', (state, event, expected) => {
    expect(getNextState(state, event)).toBe(expected === 'ended' ? state : expected);
  });

  const possible = TRANSITIONS.filter(([, , expected]) => expected !== 'ended');
  it.each(possible)('a tee in %s moves with %s to %s, and notifies its listener', async (state, event, expected) => {
    const opened = await openIn(state);
    const error = new Error('now');
    CAUSES[event](opened, error);
    await expect.poll(() => opened.tee.state).toBe(expected);
    const { onReaderLeave, onStoreFailure } = opened.listener;
    expect(onReaderLeave.mock.calls).toEqual(event === 'reader-left' ? [[error]] : []);
    expect(onStoreFailure.mock.calls).toEqual(event === 'store-failed' ? [[error]] : []);
    const reader = opened.tee.body.getReader();
    const hadReader = state !== 'disk-only';
    if (hadReader && expected !== 'reader-only') await expect(reader.read()).rejects.toBe(error);
    // A source that has failed can't be cancelled.
    const isCancelled = expected === 'aborted' && event !== 'source-failed';
    expect(opened.cancelled.mock.calls).toEqual(isCancelled ? [[error]] : []);
    if (expected !== 'aborted') {
      opened.source.close();
      await opened.tee.done;
    }
  });

  it.each(['source-failed', 'aborted'] as const)('after %s from either branch, `done` rejects', async (event) => {
    for (const state of ['both', 'disk-only', 'reader-only'] as const) {
      const opened = await openIn(state);
      const error = new Error('now');
      CAUSES[event](opened, error);
      await expect(opened.tee.done).rejects.toBe(error);
    }
  });
});

describe('the branches of a tee', () => {
  it('gives disk and reader the same bytes, and the reader its end after the disk', async () => {
    const opened = openTee();
    const reader = opened.tee.body.getReader();
    opened.source.enqueue(CHUNK);
    expect((await reader.read()).value).toEqual(CHUNK);
    expect(opened.written).toEqual([CHUNK]);
    opened.source.close();
    expect((await reader.read()).done).toBe(true);
    await opened.tee.done;
    expect(opened.tee.state).toBe('both');
  });

  it('keeps the last chunk of a known size until the disk has all', async () => {
    const opened = openTee(CHUNK.length);
    const read = opened.tee.body.getReader().read();
    const order: string[] = [];
    void opened.tee.done.then(() => order.push('done'));
    void read.then(() => order.push('read'));
    opened.source.enqueue(CHUNK);
    await expect.poll(() => opened.written.length).toBe(1);
    expect(order).toEqual([]);
    opened.source.close();
    expect((await read).value).toEqual(CHUNK);
  });

  it('gives the reader what a failing disk has not taken', async () => {
    const opened = openTee();
    opened.failDisk(new Error('full'));
    opened.source.close();
    expect(new Uint8Array(await new Response(opened.tee.body as BodyInit).arrayBuffer())).toEqual(CHUNK);
    await opened.tee.done;
    expect(opened.tee.state).toBe('reader-only');
  });

  it('goes on without a reader that cancels', async () => {
    const opened = openTee();
    await opened.tee.body.cancel('enough');
    expect([opened.tee.state, opened.listener.onReaderLeave.mock.calls]).toEqual(['disk-only', [['enough']]]);
    opened.source.enqueue(CHUNK);
    opened.source.close();
    await opened.tee.done;
    expect(opened.written).toEqual([CHUNK]);
  });

  it('makes the disk wait for a slow reader, until that leaves', async () => {
    const opened = openTee();
    opened.source.enqueue(LARGE);
    opened.source.enqueue(CHUNK);
    opened.source.close();
    await expect.poll(() => opened.listener.onReaderLag.mock.calls.length).toBe(1);
    expect(opened.written).toEqual([LARGE]);
    opened.reader.abort(new Error('enough'));
    await opened.tee.done;
    expect(opened.written).toEqual([LARGE, CHUNK]);
  });

  it('begins without a reader that has aborted before', async () => {
    const reader = AbortSignal.abort(new Error('early'));
    const listener = { onReaderLag: vi.fn(), onReaderLeave: vi.fn(), onStoreFailure: vi.fn() };
    const tee = new StoreTee({
      source: ReadableStream.from([CHUNK]),
      size: Number.NaN,
      write: async (chunks) => {
        for await (const _ of chunks);
      },
      listener,
      readerSignal: reader,
      abortSignal: new AbortController().signal,
    });
    await tee.done;
    expect([tee.state, listener.onReaderLeave.mock.calls]).toEqual(['disk-only', [[reader.reason]]]);
  });
});
