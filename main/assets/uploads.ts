import { DiskCacheError } from '../../protocol/error.ts';
import type { SetOptions } from '../../protocol/options.ts';
import type { UploadPart } from '../../protocol/upload.ts';

type Chunks = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/** Stores a stream; rejects with what the stream throws. */
export type Write = (chunks: AsyncIterable<Uint8Array>, options: SetOptions | undefined) => Promise<void>;

/** More streams than this at the same time are put off. */
const MOST_OPEN = 64;
/** A page that was left says no goodbye. Milliseconds without a part after which its stream is given up. */
const PATIENCE = 120_000;

/**
 * Streams that pages are sending, part by part. A part is answered when the store takes its end, so memory holds no more of a
 * stream than one part and one chunk.
 *
 * Invariant: a stream that is not in the list has been stored whole, or nothing of it is left.
 */
export class Uploads {
  readonly #open = new Map<string, Upload>();
  readonly #patience: number;

  constructor(patience = PATIENCE) {
    this.#patience = patience;
  }

  /**
   * Takes the next part of the stream that `id` names; of the last one resolves when the item is stored.
   *
   * @throws {DiskCacheError} `BUSY`, `TIMEOUT` for a stream that was given up, `BAD_VALUE` for a part that is not the next or
   * did not arrive whole, and what the store throws. The stream is given up then.
   */
  async receive(id: string, part: UploadPart, body: Chunks, write: Write): Promise<void> {
    const upload = this.#open.get(id) ?? this.#begin(id, part, write);
    try {
      if (part.step === 'abort') throw new DiskCacheError('BAD_VALUE', 'The page gave up its stream');
      await upload.take(part, body);
      if (part.step === 'last') await upload.end();
    } catch (error) {
      this.#open.delete(id);
      await upload.giveUp(error);
      if (part.step !== 'abort') throw error;
    }
    if (part.step === 'last') this.#open.delete(id);
  }

  close(): void {
    for (const upload of this.#open.values()) {
      void upload.giveUp(new DiskCacheError('CLOSED', 'The store was closed before the stream had ended'));
    }
    this.#open.clear();
  }

  get size(): number {
    return this.#open.size;
  }

  #begin(id: string, { part, options }: UploadPart, write: Write): Upload {
    if (part !== 0) {
      throw new DiskCacheError(
        'TIMEOUT',
        `The stream was given up: no part came for ${this.#patience} ms; send it again`,
      );
    }
    if (this.#open.size >= MOST_OPEN) {
      throw new DiskCacheError('BUSY', `${MOST_OPEN} streams are being stored already; try again later`);
    }
    const upload = new Upload(
      (chunks) => write(chunks, options),
      this.#patience,
      () => this.#open.delete(id),
    );
    this.#open.set(id, upload);
    return upload;
  }
}

/** One stream, from its first part to its end. */
class Upload {
  readonly #parts: WritableStreamDefaultWriter<Uint8Array>;
  readonly #stored: Promise<void>;
  readonly #fail: (reason: unknown) => void;
  readonly #timer: NodeJS.Timeout;
  #next = 0;

  constructor(write: (chunks: AsyncIterable<Uint8Array>) => Promise<void>, patience: number, forget: () => void) {
    let fail: (reason: unknown) => void = () => {};
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>({
      start: (controller) => {
        fail = (reason) => controller.error(reason);
      },
    });
    // Not the writer's abort, which waits for a part that nobody takes.
    this.#fail = fail;
    this.#parts = writable.getWriter();
    this.#stored = write(readable);
    // A store may fail without ever looking at the stream. Why is said to whoever sends the next part.
    this.#stored.catch(fail);
    this.#parts.closed.catch(() => {});
    this.#timer = setTimeout(() => {
      forget();
      void this.giveUp(new DiskCacheError('TIMEOUT', `No part came for ${patience} ms`));
    }, patience).unref();
  }

  async take({ part, bytes }: UploadPart, body: Chunks): Promise<void> {
    this.#timer.refresh();
    let arrived = 0;
    if (part === this.#next) {
      for await (const chunk of body) {
        arrived += chunk.length;
        // Where the store has given up, it knows why.
        await this.#parts.write(chunk).catch(() => this.#stored);
      }
    }
    if (part !== this.#next || arrived !== bytes) {
      throw new DiskCacheError(
        'BAD_VALUE',
        `Part ${part} of ${bytes} bytes came with ${arrived} where part ${this.#next} was next; send the stream again`,
      );
    }
    this.#next++;
  }

  async end(): Promise<void> {
    clearTimeout(this.#timer);
    this.#parts.close().catch(() => {});
    await this.#stored;
  }

  /** Resolves when nothing of it is left. Harmless after its end. */
  async giveUp(reason: unknown): Promise<void> {
    clearTimeout(this.#timer);
    this.#fail(reason);
    await Promise.allSettled([this.#stored]);
  }
}
