import { DiskCacheError } from '../../../protocol/error.ts';
import {
  type BodyChunk,
  MAX_CHUNK_BYTES,
  MAX_CHUNKS_IN_FLIGHT,
  MAX_HTTP_CALLS,
  type WireBody,
} from '../../../protocol/http.ts';
import { IncomingStream, splitIntoChunks } from '../byte-channel.ts';
import type { Quota } from '../principal.ts';
import { toError } from './calls.ts';

/** Bodies up to this size are sent with their head if they are on disk. Bytes. */
const MAX_INLINE_BODY_BYTES = 2 ** 16;

type BodyReader = ReadableStreamDefaultReader<Uint8Array>;

/** Milliseconds without a pull after which a body is cancelled: it keeps a request or a file open. */
const OUTGOING_IDLE_MS = 300_000;

interface OutgoingBody {
  readonly idleTimer: NodeJS.Timeout;
  readonly reader: BodyReader;
  /** Serves concurrent pulls in order. */
  readonly chunks: AsyncGenerator<Uint8Array, void>;
  chunksInFlight: number;
}

/**
 * Bodies sent to a page, which pulls them chunk by chunk. Memory holds the requested chunks, and for a page that receives none no more than
 * the principal's limit for unreceived bytes.
 *
 * Invariant: a body is removed when it has ended or failed, when the page cancels it or pulls nothing for five minutes, or when the page
 * disconnects; it is cancelled unless it was read to its end.
 */
export class OutgoingBodies {
  readonly #open = new Map<number, OutgoingBody>();
  readonly #quota: Quota;
  readonly #whenTaken: () => Promise<void>;
  #lastId = 0;
  #closeReason: Error | undefined;

  /** `quota`: shared by all sessions of a principal; `whenTaken` resolves when the page has received enough for another chunk. */
  constructor(quota: Quota, whenTaken: () => Promise<void>) {
    this.#quota = quota;
    this.#whenTaken = whenTaken;
  }

  get size(): number {
    return this.#open.size;
  }

  /**
   * Returns a body as sent. One that is `atHand`, such as on disk, is sent whole if it is small.
   *
   * @throws {DiskCacheError} `BUSY` if too many are open; anything that reading throws; the reason why the page has disconnected.
   */
  async send(body: ReadableStream<Uint8Array> | null, atHand: boolean): Promise<WireBody> {
    if (body === null) return null;
    const reader = body.getReader();
    const first: Uint8Array[] = [];
    for (let bytes = 0; atHand && bytes <= MAX_INLINE_BODY_BYTES; bytes += first.at(-1)?.length ?? 0) {
      const { done, value } = await reader.read();
      if (done) return new Uint8Array(Buffer.concat(first));
      first.push(value);
    }
    try {
      if (this.#closeReason) throw this.#closeReason;
      this.#quota.acquire();
    } catch (error) {
      cancelReader(reader, toError(error));
      throw error;
    }
    const id = ++this.#lastId;
    const idleTimer = setTimeout(() => this.#expire(id), OUTGOING_IDLE_MS);
    idleTimer.unref();
    this.#open.set(id, {
      reader,
      chunks: paced(splitIntoChunks(readRest(first, reader)), this.#whenTaken),
      chunksInFlight: 0,
      idleTimer,
    });
    return id;
  }

  /**
   * Returns the next chunk, null at the end.
   *
   * @throws {DiskCacheError} `NOT_ALLOWED` if the body isn't open, or has too many pulls in flight; anything that reading throws.
   */
  async pull(id: number): Promise<Uint8Array | null> {
    const body = this.#open.get(id);
    if (body === undefined || body.chunksInFlight >= MAX_CHUNKS_IN_FLIGHT) {
      throw new DiskCacheError(
        'NOT_ALLOWED',
        `Body ${String(id)} isn't open any more, as after ${OUTGOING_IDLE_MS} ms of which nothing was read, or too much of it was asked for at once`,
      );
    }
    body.chunksInFlight++;
    body.idleTimer.refresh();
    try {
      const { done, value } = await body.chunks.next();
      if (!done) return value;
      this.#remove(id);
      return null;
    } catch (error) {
      this.cancel(id, toError(error));
      throw error;
    } finally {
      body.chunksInFlight--;
      if (this.#open.has(id)) body.idleTimer.refresh();
    }
  }

  cancel(id: number, why: Error): void {
    const body = this.#remove(id);
    if (body !== undefined) cancelReader(body.reader, why);
  }

  #expire(id: number): void {
    const body = this.#open.get(id);
    if (body === undefined) return;
    // A pending pull means that the network is slow, not that the page is idle.
    if (body.chunksInFlight > 0) body.idleTimer.refresh();
    else this.cancel(id, new DiskCacheError('TIMEOUT', `Nothing of this body was read for ${OUTGOING_IDLE_MS} ms`));
  }

  #remove(id: number): OutgoingBody | undefined {
    const body = this.#open.get(id);
    if (body === undefined) return undefined;
    this.#open.delete(id);
    clearTimeout(body.idleTimer);
    this.#quota.release();
    return body;
  }

  close(why: Error): void {
    this.#closeReason = why;
    for (const id of [...this.#open.keys()]) this.cancel(id, why);
  }
}

/** Reads a chunk only when the page has received enough of what it was sent. */
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

async function* readRest(first: readonly Uint8Array[], reader: BodyReader): AsyncGenerator<Uint8Array, void> {
  yield* first;
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    if (!(read.value instanceof Uint8Array))
      throw new TypeError('The body of a response brings something else than bytes');
    yield read.value;
  }
}

/** Cancels the source with the reason; errors while cancelling no longer concern any caller. */
function cancelReader(reader: BodyReader, why: Error): void {
  reader.cancel(why).catch(() => undefined);
}

/** Milliseconds without a chunk after which a body fails: its request waits for it. */
const INCOMING_IDLE_MS = 300_000;

interface IncomingBody {
  readonly idleTimer: NodeJS.Timeout;
  readonly body: IncomingStream;
  readonly charge: ChargeBytes;
}

/** The body types that `Request` and `Response` accept. */
export type BodyContent = ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer> | null;

/** Counts received bytes; throws if there are too many. */
type ChargeBytes = (bytes: Uint8Array) => void;

/**
 * Bodies received from a page, which pushes them chunk by chunk, each when there is room.
 *
 * Invariant: the reader gets the whole body or an error, also if the page disconnects half-way.
 */
export class IncomingBodies {
  readonly #open = new Map<number, IncomingBody>();

  get size(): number {
    return this.#open.size;
  }

  /** @throws {DiskCacheError} `NOT_ALLOWED` if it isn't a body, or is already being received; anything that `charge` throws. */
  receive(body: WireBody, charge: ChargeBytes = () => {}): BodyContent {
    if (body === null) return null;
    if (body instanceof Uint8Array && body.length <= MAX_CHUNK_BYTES) {
      charge(body);
      return new Uint8Array(body);
    }
    if (typeof body !== 'number' || this.#open.has(body) || this.#open.size >= MAX_HTTP_CALLS) {
      throw notAllowed('A body is null, a chunk of bytes, or a number that is free');
    }
    const idleTimer = setTimeout(() => {
      received.fail(new DiskCacheError('TIMEOUT', `The page has sent nothing of this body for ${INCOMING_IDLE_MS} ms`));
    }, INCOMING_IDLE_MS);
    idleTimer.unref();
    const received = new IncomingStream(() => {
      clearTimeout(idleTimer);
      this.#open.delete(body);
    });
    this.#open.set(body, { body: received, charge, idleTimer });
    return received.readable;
  }

  /**
   * Takes a chunk; resolves when there is room for the next one, with whether it is wanted. An invalid chunk, or one too many, ends the
   * body.
   */
  async push({ body: id, bytes, failure }: BodyChunk): Promise<boolean> {
    const received = this.#open.get(id);
    if (received === undefined) return false;
    const { body, charge, idleTimer } = received;
    idleTimer.refresh();
    try {
      if (failure !== undefined) throw new TypeError(String(failure));
      if (bytes !== undefined) {
        charge(bytes);
        return await body.push(bytes);
      }
      body.end();
      return true;
    } catch (error) {
      body.fail(toError(error));
      return false;
    }
  }

  /** Fails a body whose call has ended without reading it. */
  discard(body: WireBody, why: Error): void {
    if (typeof body === 'number') this.#open.get(body)?.body.fail(why);
  }

  close(why: Error): void {
    for (const body of [...this.#open.keys()]) this.discard(body, why);
  }
}

const notAllowed = (message: string) => new DiskCacheError('NOT_ALLOWED', message);
