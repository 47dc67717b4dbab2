import { MAX_CHUNKS_IN_FLIGHT } from '../protocol/value-stream.ts';

/** Where the chunks of a stream come from. */
export interface ChunkSource {
  /** Requests the next chunk; the end is null or undefined. */
  next(): Promise<Uint8Array | null | undefined>;
  /** Called when no more chunks are wanted. */
  cancel(): unknown;
}

/** Pulls chunks in order. Requests nothing before the first read, then a few chunks in advance. */
export async function* pullChunks(next: ChunkSource['next']): AsyncGenerator<Uint8Array, void> {
  const request = () => {
    const chunk = next();
    // Requests beyond the end, or after a failure, fail without effect.
    chunk.catch(() => {});
    return chunk;
  };
  const requested = Array.from({ length: MAX_CHUNKS_IN_FLIGHT }, request);
  for (let chunk = await requested.shift(); chunk; chunk = await requested.shift()) {
    requested.push(request());
    yield chunk;
  }
}

/**
 * Pushes chunks as they come, a few in flight at a time. Returns whether all were wanted; stops at the first that wasn't.
 *
 * @throws anything that reading a chunk or sending it throws.
 */
export async function pushChunks(
  chunks: AsyncIterable<Uint8Array>,
  send: (chunk: Uint8Array) => Promise<boolean>,
): Promise<boolean> {
  const inFlight: Promise<boolean>[] = [];
  for await (const chunk of chunks) {
    if (inFlight.length === MAX_CHUNKS_IN_FLIGHT && !(await inFlight.shift())) return false;
    const sent = send(chunk);
    // It is awaited in its turn, which may come after another one's failure.
    sent.catch(() => {});
    inFlight.push(sent);
  }
  return (await Promise.all(inFlight)).every((isWanted) => isWanted);
}

/** Cancels streams that were garbage-collected before their end: the main process would keep them open. */
const abandonedStreams = new FinalizationRegistry<() => void>((cancel) => cancel());

/** Returns a stream that pulls its chunks. It fails when the signal is aborted, and is cancelled when it is garbage-collected. */
export function createChunkStream(chunks: ChunkSource, signal: AbortSignal): ReadableStream<Uint8Array<ArrayBuffer>> {
  const unlisten = () => signal.removeEventListener('abort', onAbort);
  const source = new PullingSource(chunks, unlisten);
  // The signal may live longer than any reader. The source is watched, and not its stream: a browser's stream is a wrapper that comes and
  // goes.
  const weakSource = new WeakRef(source);
  const onAbort = () => weakSource.deref()?.abort(signal.reason);
  abandonedStreams.register(
    source,
    () => {
      unlisten();
      chunks.cancel();
    },
    source,
  );
  const stream = new ReadableStream(source);
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort);
  return stream;
}

class PullingSource {
  readonly type = 'bytes';
  readonly #chunks: AsyncGenerator<Uint8Array, void>;
  readonly #cancelSource: ChunkSource['cancel'];
  readonly #onEnd: () => void;
  #controller: ReadableByteStreamController | undefined;

  constructor({ next, cancel }: ChunkSource, onEnd: () => void) {
    this.#chunks = pullChunks(next);
    this.#cancelSource = cancel;
    this.#onEnd = onEnd;
  }

  start(controller: ReadableByteStreamController): void {
    this.#controller = controller;
  }

  async pull(controller: ReadableByteStreamController): Promise<void> {
    try {
      const { done, value } = await this.#chunks.next();
      if (!done) return controller.enqueue(value as Uint8Array<ArrayBuffer>);
    } catch (error) {
      this.#end();
      throw error;
    }
    this.#end();
    controller.close();
    controller.byobRequest?.respond(0);
  }

  async cancel(): Promise<void> {
    this.#end();
    await this.#cancelSource();
  }

  abort(reason: unknown): void {
    this.#controller?.error(reason);
    void this.cancel();
  }

  #end(): void {
    abandonedStreams.unregister(this);
    this.#onEnd();
  }
}
