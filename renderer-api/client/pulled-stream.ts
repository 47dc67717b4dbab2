import { CHUNKS_AHEAD } from '../../protocol/chunk-size.ts';

/** Where the chunks of a stream come from. */
export interface Chunks {
  /** Asks for the next one; nothing is the end. */
  next(): Promise<Uint8Array | null | undefined>;
  /** Nobody wants any more of them. */
  leave(): unknown;
}

/** The chunks in their order; nothing is asked for before it is read, then a few in advance. */
export async function* inAdvance(next: Chunks['next']): AsyncGenerator<Uint8Array, void> {
  const ask = () => {
    const chunk = next();
    // What is asked for beyond the end, or after a failure, fails unheard.
    chunk.catch(() => {});
    return chunk;
  };
  const asked = Array.from({ length: CHUNKS_AHEAD }, ask);
  for (let chunk = await asked.shift(); chunk; chunk = await asked.shift()) {
    asked.push(ask());
    yield chunk;
  }
}

/** Streams that nobody reads any more, and that were not read to their end: the main process would keep them open. */
const forgotten = new FinalizationRegistry<() => void>((leave) => leave());

/**
 * Chunks of the main process as a stream, which asks for them `inAdvance`. Each of the signals breaks it off. One that is forgotten
 * half-way is left when it was collected.
 */
export function pulledStream(
  chunks: Chunks,
  signals: readonly AbortSignal[] = [],
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const source = new PulledSource(chunks, unwatch);
  // The signals may live longer than anyone who reads. The source, and not its stream, is what can be watched: the stream of a
  // browser is its own, and what a page holds of it comes and goes.
  const watched = new WeakRef(source);
  function aborted(): void {
    watched.deref()?.abort(signals.find((it) => it.aborted)?.reason);
  }
  function unwatch(): void {
    for (const it of signals) it.removeEventListener('abort', aborted);
  }
  forgotten.register(
    source,
    () => {
      unwatch();
      chunks.leave();
    },
    source,
  );
  const stream = new ReadableStream(source);
  if (signals.some((it) => it.aborted)) aborted();
  else for (const it of signals) it.addEventListener('abort', aborted, { once: true });
  return stream;
}

class PulledSource {
  readonly type = 'bytes';
  readonly #chunks: AsyncGenerator<Uint8Array, void>;
  readonly #leave: Chunks['leave'];
  readonly #onEnd: () => void;
  #sink: ReadableByteStreamController | undefined;

  constructor({ next, leave }: Chunks, onEnd: () => void) {
    this.#chunks = inAdvance(next);
    this.#leave = leave;
    this.#onEnd = onEnd;
  }

  start(controller: ReadableByteStreamController): void {
    this.#sink = controller;
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
    await this.#leave();
  }

  abort(reason: unknown): void {
    this.#sink?.error(reason);
    void this.cancel();
  }

  #end(): void {
    forgotten.unregister(this);
    this.#onEnd();
  }
}
