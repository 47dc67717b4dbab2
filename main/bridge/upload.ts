import type { DiskCacheError } from '../../protocol/error.ts';
import { PushedStream } from './pushed-stream.ts';

/** Stores what a stream brings; rejects with what the stream throws. */
export type Store = (chunks: AsyncIterable<Uint8Array>) => Promise<void>;

/** A value that a page sends chunk by chunk. Memory holds the chunks under way. */
export class Upload {
  readonly #chunks = new PushedStream();
  readonly #stored: Promise<void>;

  constructor(store: Store) {
    this.#stored = store(this.#chunks.readable);
    // A store may fail without ever looking at the stream. Why is said to whoever sends the next chunk.
    this.#stored.catch((why: unknown) => this.#chunks.fail(why));
  }

  /** @throws {DiskCacheError} `BAD_VALUE`, `BUSY` for more chunks than may be under way; what the store throws. */
  async take(chunk: Uint8Array): Promise<void> {
    // Where the store has given up, it knows why.
    if (!(await this.#chunks.push(chunk))) await this.#stored;
  }

  /** Resolves when the item is stored. */
  async end(): Promise<void> {
    this.#chunks.end();
    await this.#stored;
  }

  /** Resolves when nothing of it is left. Harmless after its end. */
  async leave(reason: DiskCacheError): Promise<void> {
    this.#chunks.fail(reason);
    await Promise.allSettled([this.#stored]);
  }
}
