import { MAX_CHUNKS_IN_FLIGHT } from '../protocol/value-stream.ts';

/** Where the chunks of a stream come from. */
export interface ChunkSource {
  /** Asks for the next one; nothing is the end. */
  next(): Promise<Uint8Array | null | undefined>;
  /** Nobody wants any more of them. */
  cancel(): unknown;
}

/** The chunks in their order; nothing is asked for before it is read, then a few in advance. */
export async function* prefetchChunks(next: ChunkSource['next']): AsyncGenerator<Uint8Array, void> {
  const ask = () => {
    const chunk = next();
    // What is asked for beyond the end, or after a failure, fails unheard.
    chunk.catch(() => {});
    return chunk;
  };
  const requested = Array.from({ length: MAX_CHUNKS_IN_FLIGHT }, ask);
  for (let chunk = await requested.shift(); chunk; chunk = await requested.shift()) {
    requested.push(ask());
    yield chunk;
  }
}

/** Streams that were abandoned before their end: the main process would keep them open. */
const abandonedStreams = new FinalizationRegistry<() => void>((leave) => leave());

/**
 * Chunks of the main process as a stream, which asks for them `prefetchChunks`. Each of the signals breaks it off. One that is forgotten
 * half-way is left when it was collected.
 */
export function createChunkStream(
  chunks: ChunkSource,
  signals: readonly AbortSignal[] = [],
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const source = new PrefetchingSource(chunks, unwatch);
  // The signals may live longer than anyone who reads. The source, and not its stream, is what can be watched: the stream of a
  // browser is its own, and what a page holds of it comes and goes.
  const watched = new WeakRef(source);
  function aborted(): void {
    watched.deref()?.abort(signals.find((it) => it.aborted)?.reason);
  }
  function unwatch(): void {
    for (const it of signals) it.removeEventListener('abort', aborted);
  }
  abandonedStreams.register(
    source,
    () => {
      unwatch();
      chunks.cancel();
    },
    source,
  );
  const stream = new ReadableStream(source);
  if (signals.some((it) => it.aborted)) aborted();
  else for (const it of signals) it.addEventListener('abort', aborted, { once: true });
  return stream;
}

class PrefetchingSource {
  readonly type = 'bytes';
  readonly #chunks: AsyncGenerator<Uint8Array, void>;
  readonly #cancelSource: ChunkSource['cancel'];
  readonly #onEnd: () => void;
  #controller: ReadableByteStreamController | undefined;

  constructor({ next, cancel: leave }: ChunkSource, onEnd: () => void) {
    this.#chunks = prefetchChunks(next);
    this.#cancelSource = leave;
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

/**
 * Hands chunks over as they come, a few under way at a time. Answers whether all were wanted; after one that wasn't no other is
 * taken.
 *
 * @throws what reading them or handing one over throws.
 */
export async function sendChunks(
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
