import { DiskCacheError } from '../../protocol/error.ts';
import { MAX_CHUNK_BYTES, MAX_CHUNKS_IN_FLIGHT } from '../../protocol/value-stream.ts';

/**
 * Chunks of a size for messages, none of them empty, each in memory of its own: a message holds the whole buffer of a view, and what
 * stands beside it there may be anybody's.
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

/** A chunk that was not read yet. */
interface PendingChunk {
  readonly chunk: Uint8Array;
  /** Says whether it was wanted. */
  acknowledge(isWanted: boolean): void;
}

/**
 * What a page sends chunk by chunk, each answered when it is read: so there is no queue but that of the chunks that wait, a few at
 * most.
 *
 * Invariant: who reads it gets all of it or an error; every push settles.
 */
export class IncomingStream {
  readonly readable: ReadableStream<Uint8Array>;
  readonly #pending: PendingChunk[] = [];
  readonly #onEnd: () => void;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #isPulled = false;

  /** `onEnd`: nothing more is read of it. */
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
   * Answers, when it is read or nothing will be, whether it was wanted.
   *
   * @throws {DiskCacheError} `BAD_VALUE` for what is no chunk, `BUSY` for one more than may wait.
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

  /** All of it has come. While chunks wait that is a failure: they would be missing. */
  end(): void {
    if (this.#pending.length > 0) {
      this.fail(new DiskCacheError('BAD_VALUE', 'The stream was ended before its chunks were taken'));
    }
    this.#controller?.close();
    this.#finish();
  }

  /** Breaks it off. Harmless after its end. */
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
