import type { DiskCacheError } from '../../protocol/error.ts';
import { PushedStream } from './pushed-stream.ts';

/** Stores what a stream brings; rejects with what the stream throws. */
export type StoreChunks = (chunks: AsyncIterable<Uint8Array>) => Promise<void>;

/** An upload of which nothing comes for so long is given up: it has a file open, and its bytes belong to no item. */
const IDLE_MS = 120_000;

/** A value that a page sends chunk by chunk. Memory holds the chunks under way. */
export class Upload {
  readonly #chunks = new PushedStream();
  readonly #stored: Promise<void>;
  readonly #idle: NodeJS.Timeout;
  #underWay = 0;

  constructor(store: StoreChunks, onIdle: () => void) {
    this.#stored = store(this.#chunks.readable);
    this.#idle = setTimeout(() => (this.#underWay > 0 ? this.#idle.refresh() : onIdle()), IDLE_MS);
    this.#idle.unref();
    // A store may fail without ever looking at the stream. Why is said to whoever sends the next chunk.
    this.#stored.catch((why: unknown) => this.#chunks.fail(why));
  }

  /** @throws {DiskCacheError} `BAD_VALUE`, `BUSY` for more chunks than may be under way; what the store throws. */
  async take(chunk: Uint8Array): Promise<void> {
    this.#idle.refresh();
    this.#underWay++;
    try {
      // Where the store has given up, it knows why.
      if (!(await this.#chunks.push(chunk))) await this.#stored;
    } finally {
      this.#underWay--;
    }
  }

  /** Resolves when the item is stored. */
  async end(): Promise<void> {
    clearTimeout(this.#idle);
    this.#chunks.end();
    await this.#stored;
  }

  /** Resolves when nothing of it is left. Harmless after its end. */
  async leave(reason: DiskCacheError): Promise<void> {
    clearTimeout(this.#idle);
    this.#chunks.fail(reason);
    await Promise.allSettled([this.#stored]);
  }
}
