import { ByteLengthQueuingStrategy, ReadableStream, type ReadableStreamDefaultController } from 'node:stream/web';

/** How far a reader may be behind the disk. Bytes. */
const WINDOW_BYTES = 1024 * 1024;

/** What a branch tells its owner. */
export interface Watcher {
  /** The reader is more than a window behind; the disk waits for it. */
  lagging(): void;
  /** The reader wants no more; the disk goes on. */
  left(reason: unknown): void;
  /** The disk failed; the reader goes on. */
  failed(error: unknown): void;
}

/**
 * One body for two: every chunk goes to the disk, then to the reader, and the next is fetched when both have taken it. Memory
 * holds a window. The reader's stream ends after `write` has: who has read to the end finds the response stored. A reader who knows
 * the `size` is at the end with the last byte, so the last chunk waits for `write`, too; NaN where it isn't known. `signal` is the
 * reader's; with `givenUp` all of it breaks off.
 */
export function branch(
  source: ReadableStream<Uint8Array>,
  size: number,
  write: (chunks: AsyncGenerator<Uint8Array>) => Promise<void>,
  watcher: Watcher,
  signal: AbortSignal,
  givenUp: AbortSignal,
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
      pending ??= await next();
      if (pending === undefined) return;
      yield pending;
      const following = taken === size ? await next() : undefined;
      if (taken === size && following === undefined) return;
      sink?.enqueue(pending);
      pending = following;
      while (sink !== undefined && (sink.desiredSize ?? 0) <= 0) {
        watcher.lagging();
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  }

  async function next(): Promise<Uint8Array | undefined> {
    try {
      const { value } = await reader.read();
      givenUp.throwIfAborted();
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
      watcher.failed(error);
      if (sink === undefined) return void reader.cancel(error).catch(() => undefined);
      for await (const _ of chunks());
    }
  }

  function leave(reason: unknown): void {
    sink = undefined;
    watcher.left(reason);
    wake();
  }

  /** A fetch may miss it: in Node a Request that was collected aborts nothing any more, whatever its signal follows. */
  function giveUp(): void {
    reader.cancel(givenUp.reason).catch(() => undefined);
  }

  function aborted(): void {
    sink?.error(signal.reason);
    leave(signal.reason);
  }

  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        sink = controller;
      },
      pull: () => wake(),
      cancel: leave,
    },
    new ByteLengthQueuingStrategy({ highWaterMark: WINDOW_BYTES }),
  );
  if (signal.aborted) aborted();
  signal.addEventListener('abort', aborted, { once: true });
  givenUp.addEventListener('abort', giveUp, { once: true });
  const done = run()
    .finally(() => {
      signal.removeEventListener('abort', aborted);
      givenUp.removeEventListener('abort', giveUp);
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
