import { DiskCacheError } from '../../protocol/error.ts';
import { CHUNK_BYTES, CHUNKS_AHEAD } from '../../protocol/value-stream.ts';

/** A chunk that was not read yet. */
interface Waiting {
  readonly chunk: Uint8Array;
  /** Says whether it was wanted. */
  settle(isWanted: boolean): void;
}

/**
 * What a page sends chunk by chunk, each answered when it is read: so there is no queue but that of the chunks that wait, a few at
 * most.
 *
 * Invariant: who reads it gets all of it or an error; every push settles.
 */
export class PushedStream {
  readonly readable: ReadableStream<Uint8Array>;
  readonly #waiting: Waiting[] = [];
  readonly #onEnd: () => void;
  #sink: ReadableStreamDefaultController<Uint8Array> | undefined;
  #isAsked = false;

  /** `onEnd`: nothing more is read of it. */
  constructor(onEnd = () => {}) {
    this.#onEnd = onEnd;
    this.readable = new ReadableStream(
      {
        start: (sink) => {
          this.#sink = sink;
        },
        pull: () => {
          this.#isAsked = true;
          this.#deliver();
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
    if (!(chunk instanceof Uint8Array) || chunk.length > CHUNK_BYTES) {
      throw new DiskCacheError('BAD_VALUE', `A stream is sent in chunks of at most ${CHUNK_BYTES} bytes`);
    }
    if (this.#waiting.length === CHUNKS_AHEAD) {
      throw new DiskCacheError('BUSY', `${CHUNKS_AHEAD} chunks of this stream are under way; wait for an answer`);
    }
    return new Promise((settle) => {
      if (this.#sink === undefined) return settle(false);
      this.#waiting.push({ chunk, settle });
      this.#deliver();
    });
  }

  /** All of it has come. While chunks wait that is a failure: they would be missing. */
  end(): void {
    if (this.#waiting.length > 0) {
      this.fail(new DiskCacheError('BAD_VALUE', 'The stream was ended before its chunks were taken'));
    }
    this.#sink?.close();
    this.#finish();
  }

  /** Breaks it off. Harmless after its end. */
  fail(why: unknown): void {
    this.#sink?.error(why);
    this.#finish();
  }

  #deliver(): void {
    if (!this.#isAsked) return;
    const next = this.#waiting.shift();
    if (next === undefined) return;
    this.#isAsked = false;
    this.#sink?.enqueue(next.chunk);
    next.settle(true);
  }

  #finish(): void {
    if (this.#sink === undefined) return;
    this.#sink = undefined;
    for (const { settle } of this.#waiting.splice(0)) settle(false);
    this.#onEnd();
  }
}
