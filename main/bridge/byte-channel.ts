import { DiskCacheError } from '../../protocol/error.ts';
import { MAX_CHUNK_BYTES, MAX_CHUNKS_IN_FLIGHT } from '../../protocol/value-stream.ts';

/**
 * Splits bytes into chunks small enough for messages, none of them empty, each in a buffer of its own: a message carries the whole buffer
 * of a view, which may hold other data.
 */
export async function* splitIntoChunks(parts: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  for await (const part of parts) {
    const { length, buffer } = part;
    if (length > 0 && length <= MAX_CHUNK_BYTES && length === buffer.byteLength) {
      yield part;
    } else {
      for (let offset = 0; offset < length; offset += MAX_CHUNK_BYTES)
        yield new Uint8Array(part.subarray(offset, offset + MAX_CHUNK_BYTES));
    }
  }
}

/** A chunk that has not been read yet. */
interface PendingChunk {
  readonly chunk: Uint8Array;
  /** Reports whether the chunk was wanted. */
  acknowledge(isWanted: boolean): void;
}

/**
 * Receives chunks from a page. Each push resolves when its chunk is read, so only the few pending chunks are queued.
 *
 * Invariant: the reader gets all bytes or an error; every push settles.
 */
export class IncomingStream {
  readonly readable: ReadableStream<Uint8Array>;
  readonly #pending: PendingChunk[] = [];
  readonly #onEnd: () => void;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #isPulled = false;

  /** `onEnd` is called when nothing more will be read. */
  constructor(onEnd = () => {}) {
    this.#onEnd = onEnd;
    this.readable = new ReadableStream(
      {
        start: (sink) => {
          this.#controller = sink;
        },
        pull: () => {
          this.#isPulled = true;
          this.#enqueueNext();
        },
        cancel: () => this.#finish(),
      },
      { highWaterMark: 0 },
    );
  }

  /**
   * Resolves when the chunk has been read or never will be; returns whether it was wanted.
   *
   * @throws {DiskCacheError} `BAD_VALUE` if it isn't a chunk, `BUSY` if too many chunks are pending.
   */
  async push(chunk: unknown): Promise<boolean> {
    if (!(chunk instanceof Uint8Array) || chunk.length > MAX_CHUNK_BYTES) {
      throw new DiskCacheError('BAD_VALUE', `A stream is sent in chunks of at most ${MAX_CHUNK_BYTES} bytes`);
    }
    if (this.#pending.length === MAX_CHUNKS_IN_FLIGHT) {
      throw new DiskCacheError(
        'BUSY',
        `${MAX_CHUNKS_IN_FLIGHT} chunks of this stream are under way; wait for an answer`,
      );
    }
    return new Promise((acknowledge) => {
      if (this.#controller === undefined) return acknowledge(false);
      this.#pending.push({ chunk, acknowledge });
      this.#enqueueNext();
    });
  }

  /** Marks the end. Fails the stream if chunks are still pending, because they would be missing. */
  end(): void {
    if (this.#pending.length > 0) {
      this.fail(new DiskCacheError('BAD_VALUE', 'The stream was ended before its chunks were taken'));
    }
    this.#controller?.close();
    this.#finish();
  }

  /** Aborts the stream. Has no effect after its end. */
  fail(why: unknown): void {
    this.#controller?.error(why);
    this.#finish();
  }

  #enqueueNext(): void {
    if (!this.#isPulled) return;
    const next = this.#pending.shift();
    if (next === undefined) return;
    this.#isPulled = false;
    this.#controller?.enqueue(next.chunk);
    next.acknowledge(true);
  }

  #finish(): void {
    if (this.#controller === undefined) return;
    this.#controller = undefined;
    for (const { acknowledge } of this.#pending.splice(0)) acknowledge(false);
    this.#onEnd();
  }
}
