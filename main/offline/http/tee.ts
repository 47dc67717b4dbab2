import { ByteLengthQueuingStrategy, ReadableStream, type ReadableStreamDefaultController } from 'node:stream/web';

/** How far a reader may be behind the disk. Bytes. */
const MAX_READER_LAG_BYTES = 1024 * 1024;

/** What a branch tells its owner. */
export interface TeeListener {
  /** The reader is more than a window behind; the disk waits for it. */
  onReaderLag(): void;
  /** The reader wants no more; the disk goes on. */
  onReaderLeave(reason: unknown): void;
  /** The disk failed; the reader goes on. */
  onStoreFailure(error: unknown): void;
}

/**
 * One body for two: every chunk goes to the disk, then to the reader, and the next is fetched when both have taken it. Memory
 * holds a window. The reader's stream ends after `write` has: who has read to the end finds the response stored. A reader who knows
 * the `size` is at the end with the last byte, so the last chunk waits for `write`, too; NaN where it isn't known. `signal` is the
 * reader's; with `givenUp` all of it breaks off.
 */
export function teeToStore(
  source: ReadableStream<Uint8Array>,
  size: number,
  write: (chunks: AsyncGenerator<Uint8Array>) => Promise<void>,
  listener: TeeListener,
  signal: AbortSignal,
  abortSignal: AbortSignal,
): { readonly body: ReadableStream<Uint8Array>; readonly done: Promise<void> } {
  const reader = source.getReader();
  let sink: ReadableStreamDefaultController<Uint8Array> | undefined;
  let wake = () => {};
  let sourceFailed = false;
  /** Read and not delivered. A disk that fails has not taken it, and the reader still gets it. */
  let pending: Uint8Array | undefined;
  let taken = 0;

  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (;;) {
      pending ??= await readNext();
      if (pending === undefined) return;
      yield pending;
      const following = taken === size ? await readNext() : undefined;
      if (taken === size && following === undefined) return;
      sink?.enqueue(pending);
      pending = following;
      while (sink !== undefined && (sink.desiredSize ?? 0) <= 0) {
        listener.onReaderLag();
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  }

  async function readNext(): Promise<Uint8Array | undefined> {
    try {
      const { value } = await reader.read();
      abortSignal.throwIfAborted();
      taken += value?.length ?? 0;
      return value;
    } catch (error) {
      sourceFailed = true;
      throw error;
    }
  }

  async function run(): Promise<void> {
    try {
      await write(chunks());
    } catch (error) {
      if (sourceFailed) throw error;
      listener.onStoreFailure(error);
      if (sink === undefined) return void reader.cancel(error).catch(() => undefined);
      for await (const _ of chunks());
    }
  }

  function detachReader(reason: unknown): void {
    sink = undefined;
    listener.onReaderLeave(reason);
    wake();
  }

  /** A fetch may miss it: in Node a Request that was collected aborts nothing any more, whatever its signal follows. */
  function cancelSource(): void {
    reader.cancel(abortSignal.reason).catch(() => undefined);
  }

  function aborted(): void {
    sink?.error(signal.reason);
    detachReader(signal.reason);
  }

  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        sink = controller;
      },
      pull: () => wake(),
      cancel: detachReader,
    },
    new ByteLengthQueuingStrategy({ highWaterMark: MAX_READER_LAG_BYTES }),
  );
  if (signal.aborted) aborted();
  signal.addEventListener('abort', aborted, { once: true });
  abortSignal.addEventListener('abort', cancelSource, { once: true });
  const done = run()
    .finally(() => {
      signal.removeEventListener('abort', aborted);
      abortSignal.removeEventListener('abort', cancelSource);
    })
    .then(
      () => {
        if (pending !== undefined) sink?.enqueue(pending);
        sink?.close();
      },
      (error: unknown) => {
        sink?.error(error);
        throw error;
      },
    );
  return { body, done };
}
