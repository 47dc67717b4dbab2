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

/** Smaller bodies travel with their head, where all of it is at hand. Bytes. */
const MAX_INLINE_BODY_BYTES = 2 ** 16;

type BodyReader = ReadableStreamDefaultReader<Uint8Array>;

/** A body of which nothing is asked for so long is cancelled: it keeps a request or a file open. */
const OUTGOING_IDLE_MS = 300_000;

interface OutgoingBody {
  readonly idleTimer: NodeJS.Timeout;
  readonly reader: BodyReader;
  /** Answers who asks in turn, also several at a time. */
  readonly chunks: AsyncGenerator<Uint8Array, void>;
  chunksInFlight: number;
}

/**
 * Bodies on their way to a page, which pulls them chunk by chunk. Memory holds what is asked for, and of a page that takes none of it no
 * more than it may leave untaken.
 *
 * Invariant: a body leaves when it has ended or failed, the page wants no more of it or asks for nothing of it for five minutes, or the
 * page goes; it is cancelled unless it was read to its end.
 */
export class OutgoingBodies {
  readonly #open = new Map<number, OutgoingBody>();
  readonly #quota: Quota;
  readonly #whenTaken: () => Promise<void>;
  #lastId = 0;
  #closeReason: Error | undefined;

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
   * The next chunk, null at the end.
   *
   * @throws {DiskCacheError} `NOT_ALLOWED` for a body that isn't open, or of which too much was asked for; what reading throws.
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
    // Where the network is slow the page has done its part.
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

async function* readRest(first: readonly Uint8Array[], reader: BodyReader): AsyncGenerator<Uint8Array, void> {
  yield* first;
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    if (!(read.value instanceof Uint8Array))
      throw new TypeError('The body of a response brings something else than bytes');
    yield read.value;
  }
}

/** Who wrote the body hears of it; that cancelling fails is of no interest to anyone any more. */
function cancelReader(reader: BodyReader, why: Error): void {
  reader.cancel(why).catch(() => undefined);
}

/** A body of which nothing comes for so long is broken off: its request waits for it. */
const INCOMING_IDLE_MS = 300_000;

interface IncomingBody {
  readonly idleTimer: NodeJS.Timeout;
  readonly body: IncomingStream;
  readonly charge: ChargeBytes;
}

/** As `RequestMessage` and `Response` take it. */
export type BodyContent = ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer> | null;

/** Counts what comes; throws when it is too much. */
type ChargeBytes = (bytes: Uint8Array) => void;

/**
 * Bodies on their way from a page, which pushes them piece by piece, each when there is room.
 *
 * Invariant: who reads one gets all of it or an error, also when the page goes half-way.
 */
export class IncomingBodies {
  readonly #open = new Map<number, IncomingBody>();

  get size(): number {
    return this.#open.size;
  }

  /** @throws {DiskCacheError} `NOT_ALLOWED` for what is no body, or one that comes already; what `charge` throws. */
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

  /** Takes a piece; answers, when there is room for another, whether anyone wants it. One that is none, or too many, ends the body. */
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

  /** The call it belongs to is over without having read it. */
  discard(body: WireBody, why: Error): void {
    if (typeof body === 'number') this.#open.get(body)?.body.fail(why);
  }

  close(why: Error): void {
    for (const body of [...this.#open.keys()]) this.discard(body, why);
  }
}

const notAllowed = (message: string) => new DiskCacheError('NOT_ALLOWED', message);
