import { DiskCacheError } from '../../../protocol/error.ts';
import { CHUNKS_AHEAD, type WireBody } from '../../../protocol/offline.ts';
import { inChunks } from '../chunks.ts';
import type { Quota } from '../principal.ts';
import { asError } from './fault.ts';

/** Smaller bodies travel with their head, where all of it is at hand. Bytes. */
const WHOLE_BYTES = 2 ** 16;

type Reader = ReadableStreamDefaultReader<Uint8Array>;

/** A body of which nothing is asked for so long is cancelled: it keeps a request or a file open. */
const IDLE_MS = 300_000;

interface Sent {
  readonly idle: NodeJS.Timeout;
  readonly reader: Reader;
  /** Answers who asks in turn, also several at a time. */
  readonly chunks: AsyncGenerator<Uint8Array, void>;
  asked: number;
}

/**
 * Bodies on their way to a page, which pulls them chunk by chunk. Memory holds what is asked for, and of a page that takes none of it no
 * more than it may leave untaken.
 *
 * Invariant: a body leaves when it has ended or failed, the page wants no more of it or asks for nothing of it for five minutes, or the
 * page goes; it is cancelled unless it was read to its end.
 */
export class SentBodies {
  readonly #open = new Map<number, Sent>();
  readonly #quota: Quota;
  readonly #whenTaken: () => Promise<void>;
  #lastId = 0;
  #closed: Error | undefined;

  /** `quota`: those of all sessions of a principal; `whenTaken`: resolves when the page has taken enough for another chunk. */
  constructor(quota: Quota, whenTaken: () => Promise<void>) {
    this.#quota = quota;
    this.#whenTaken = whenTaken;
  }

  get size(): number {
    return this.#open.size;
  }

  /**
   * A body as it travels. One that is `atHand`, such as on disk, is sent whole if it is small.
   *
   * @throws {DiskCacheError} `BUSY` when too many are open; what reading throws; why the page has gone.
   */
  async send(body: ReadableStream<Uint8Array> | null, atHand: boolean): Promise<WireBody> {
    if (body === null) return null;
    const reader = body.getReader();
    const first: Uint8Array[] = [];
    for (let bytes = 0; atHand && bytes <= WHOLE_BYTES; bytes += first.at(-1)?.length ?? 0) {
      const { done, value } = await reader.read();
      if (done) return new Uint8Array(Buffer.concat(first));
      first.push(value);
    }
    try {
      if (this.#closed) throw this.#closed;
      this.#quota.take();
    } catch (error) {
      cancel(reader, asError(error));
      throw error;
    }
    const id = ++this.#lastId;
    const idle = setTimeout(() => this.#expire(id), IDLE_MS);
    idle.unref();
    this.#open.set(id, { reader, chunks: paced(inChunks(following(first, reader)), this.#whenTaken), asked: 0, idle });
    return id;
  }

  /**
   * The next chunk, null at the end.
   *
   * @throws {DiskCacheError} `NOT_ALLOWED` for a body that isn't open, or of which too much was asked for; what reading throws.
   */
  async pull(id: number): Promise<Uint8Array | null> {
    const body = this.#open.get(id);
    if (body === undefined || body.asked >= CHUNKS_AHEAD) {
      throw new DiskCacheError(
        'NOT_ALLOWED',
        `Body ${String(id)} isn't open any more, as after ${IDLE_MS} ms of which nothing was read, or too much of it was asked for at once`,
      );
    }
    body.asked++;
    body.idle.refresh();
    try {
      const { done, value } = await body.chunks.next();
      if (!done) return value;
      this.#forget(id);
      return null;
    } catch (error) {
      this.cancel(id, asError(error));
      throw error;
    } finally {
      body.asked--;
      if (this.#open.has(id)) body.idle.refresh();
    }
  }

  cancel(id: number, why: Error): void {
    const body = this.#forget(id);
    if (body !== undefined) cancel(body.reader, why);
  }

  #expire(id: number): void {
    const body = this.#open.get(id);
    if (body === undefined) return;
    // Where the network is slow the page has done its part.
    if (body.asked > 0) body.idle.refresh();
    else this.cancel(id, new DiskCacheError('TIMEOUT', `Nothing of this body was read for ${IDLE_MS} ms`));
  }

  #forget(id: number): Sent | undefined {
    const body = this.#open.get(id);
    if (body === undefined) return undefined;
    this.#open.delete(id);
    clearTimeout(body.idle);
    this.#quota.release();
    return body;
  }

  close(why: Error): void {
    this.#closed = why;
    for (const id of [...this.#open.keys()]) this.cancel(id, why);
  }
}

/** Reads a chunk only when the page has taken what it was sent before. */
async function* paced(
  chunks: AsyncIterable<Uint8Array>,
  whenTaken: () => Promise<void>,
): AsyncGenerator<Uint8Array, void> {
  await whenTaken();
  for await (const chunk of chunks) {
    yield chunk;
    await whenTaken();
  }
}

async function* following(first: readonly Uint8Array[], reader: Reader): AsyncGenerator<Uint8Array, void> {
  yield* first;
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    if (!(read.value instanceof Uint8Array))
      throw new TypeError('The body of a response brings something else than bytes');
    yield read.value;
  }
}

/** Who wrote the body hears of it; that cancelling fails is of no interest to anyone any more. */
function cancel(reader: Reader, why: Error): void {
  reader.cancel(why).catch(() => undefined);
}
