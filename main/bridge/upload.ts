import { DiskCacheError } from '../../protocol/error.ts';
import { CHUNKS_AHEAD } from '../../protocol/value-stream.ts';

/** Stores what a stream brings; rejects with what the stream throws. */
export type Store = (chunks: AsyncIterable<Uint8Array>) => Promise<void>;

/** A value that a page sends chunk by chunk. Memory holds the chunks under way. */
export class Upload {
  readonly #chunks: WritableStreamDefaultWriter<Uint8Array>;
  readonly #stored: Promise<void>;
  readonly #fail: (reason: unknown) => void;
  #underWay = 0;

  constructor(store: Store) {
    let fail: (reason: unknown) => void = () => {};
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>({
      start: (controller) => {
        fail = (reason) => controller.error(reason);
      },
    });
    // Not the writer's abort, which waits for a chunk that nobody takes.
    this.#fail = fail;
    this.#chunks = writable.getWriter();
    this.#stored = store(readable);
    // A store may fail without ever looking at the stream. Why is said to whoever sends the next chunk.
    this.#stored.catch(fail);
    this.#chunks.closed.catch(() => {});
  }

  /** @throws {DiskCacheError} `BUSY` for more chunks than may be under way; what the store throws. */
  async take(chunk: Uint8Array): Promise<void> {
    if (this.#underWay === CHUNKS_AHEAD) {
      throw new DiskCacheError('BUSY', `${CHUNKS_AHEAD} chunks of this stream are under way; wait for an answer`);
    }
    this.#underWay++;
    try {
      // Where the store has given up, it knows why.
      await this.#chunks.write(chunk).catch(() => this.#stored);
    } finally {
      this.#underWay--;
    }
  }

  /** Resolves when the item is stored. */
  async end(): Promise<void> {
    this.#chunks.close().catch(() => {});
    await this.#stored;
  }

  /** Resolves when nothing of it is left. Harmless after its end. */
  async leave(reason: DiskCacheError): Promise<void> {
    this.#fail(reason);
    await Promise.allSettled([this.#stored]);
  }
}
