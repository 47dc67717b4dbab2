import { createByteSource } from '../../../protocol/byte-channel.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import { type BodyChunk, MAX_HTTP_CALLS, type WireBody } from '../../../protocol/http.ts';
import { MAX_CHUNK_BYTES } from '../../../protocol/value-stream.ts';
import { ChannelTable, IncomingChannel, OutgoingChannel } from '../byte-channel.ts';
import type { Quota } from '../principal.ts';
import { toError } from './calls.ts';

/** Bodies up to this size are sent with their head if they are on disk. Bytes. */
const MAX_INLINE_BODY_BYTES = 2 ** 16;

/** Milliseconds without a pull after which a body is cancelled: it keeps a request or a file open. */
const OUTGOING_IDLE_MS = 300_000;

/** Milliseconds without a chunk after which a body fails: its request waits for it. */
const INCOMING_IDLE_MS = 300_000;

/**
 * Bodies sent to a page. For a page that receives nothing, memory holds no more than the principal's limit for unreceived bytes.
 *
 * Invariant: a body is removed when it has ended or failed, when the page cancels it or pulls nothing for five minutes, or when the page
 * disconnects; it is cancelled unless it was read to its end.
 */
export class OutgoingBodies {
  readonly #channels: ChannelTable<number, OutgoingChannel>;
  readonly #quota: Quota;
  readonly #whenReceived: () => Promise<void>;
  #lastId = 0;
  #closeReason: Error | undefined;

  /** `quota`: shared by all sessions of a principal; `whenReceived` resolves when the page has received enough for another chunk. */
  constructor(quota: Quota, whenReceived: () => Promise<void>) {
    this.#quota = quota;
    this.#whenReceived = whenReceived;
    const onIdle = (id: number) =>
      this.cancel(id, new DiskCacheError('TIMEOUT', `This body was not read for ${OUTGOING_IDLE_MS} ms`));
    this.#channels = new ChannelTable(OUTGOING_IDLE_MS, onIdle, quota);
  }

  get size(): number {
    return this.#channels.size;
  }

  /**
   * Returns a body as sent. One that `isLocal`, such as on disk, is sent whole if it is small.
   *
   * @throws {DiskCacheError} `BUSY` if too many are open; anything that reading throws; the reason why the page has disconnected.
   */
  async send(body: ReadableStream<Uint8Array> | null, isLocal: boolean): Promise<WireBody> {
    if (body === null) return null;
    const source = createByteSource(body);
    const whole = isLocal ? await source.readAhead(MAX_INLINE_BODY_BYTES) : undefined;
    if (whole !== undefined) return whole;
    try {
      if (this.#closeReason) throw this.#closeReason;
      this.#quota.acquire();
    } catch (error) {
      void source.cancel(error);
      throw error;
    }
    const id = ++this.#lastId;
    const chunks = paced(source.chunks, this.#whenReceived);
    this.#channels.add(id, new OutgoingChannel({ chunks, cancel: (reason) => source.cancel(reason) }));
    return id;
  }

  /**
   * Returns the next chunk, null at the end.
   *
   * @throws {DiskCacheError} `NOT_ALLOWED` if the body isn't open, or has too many pulls in flight; anything that reading throws.
   */
  async pull(id: number): Promise<Uint8Array | null> {
    if (!this.#channels.hasCredit(id)) {
      throw new DiskCacheError(
        'NOT_ALLOWED',
        `Body ${String(id)} isn't open, perhaps because it wasn't read for ${OUTGOING_IDLE_MS} ms, or too many of its chunks were pulled at once`,
      );
    }
    try {
      const chunk = await this.#channels.use(id, (channel) => channel.pull());
      if (chunk !== undefined) return chunk;
      this.#channels.remove(id);
      return null;
    } catch (error) {
      this.cancel(id, toError(error));
      throw error;
    }
  }

  cancel(id: number, reason: Error): void {
    void this.#channels.remove(id)?.cancel(reason);
  }

  close(reason: Error): void {
    this.#closeReason = reason;
    this.#channels.close(reason);
  }
}

/** Reads a chunk only when the page has received enough of what it was sent. */
async function* paced(
  chunks: AsyncIterable<Uint8Array>,
  whenReceived: () => Promise<void>,
): AsyncGenerator<Uint8Array, void> {
  await whenReceived();
  for await (const chunk of chunks) {
    yield chunk;
    await whenReceived();
  }
}

/** The body types that `Request` and `Response` accept. */
export type BodyContent = ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer> | null;

/**
 * Bodies received from a page.
 *
 * Invariant: the reader gets the whole body or an error, also if the page disconnects half-way.
 */
export class IncomingBodies {
  readonly #channels = new ChannelTable<number, IncomingChannel>(INCOMING_IDLE_MS, (_, channel) =>
    channel.cancel(new DiskCacheError('TIMEOUT', `The page has sent nothing of this body for ${INCOMING_IDLE_MS} ms`)),
  );

  get size(): number {
    return this.#channels.size;
  }

  /**
   * `charge` counts received bytes; it throws if there are too many.
   *
   * @throws {DiskCacheError} `NOT_ALLOWED` if it isn't a body, or is already being received; anything that `charge` throws.
   */
  receive(body: WireBody, charge: (bytes: Uint8Array) => void = () => {}): BodyContent {
    if (body === null) return null;
    if (body instanceof Uint8Array && body.length <= MAX_CHUNK_BYTES) {
      charge(body);
      return new Uint8Array(body);
    }
    if (typeof body !== 'number' || this.#channels.get(body) || this.size >= MAX_HTTP_CALLS) {
      throw new DiskCacheError('NOT_ALLOWED', 'A body is null, a chunk of bytes, or a number that is not in use');
    }
    const channel = new IncomingChannel({ onEnd: () => this.#channels.remove(body), charge });
    this.#channels.add(body, channel);
    return channel.readable;
  }

  /**
   * Receives a chunk. Resolves when the next one may be sent; returns whether more are wanted. An invalid chunk, or one too many, ends the
   * body.
   */
  async push({ body: id, bytes, failure }: BodyChunk): Promise<boolean> {
    const channel = this.#channels.get(id);
    if (channel === undefined) return false;
    try {
      if (failure !== undefined) throw new TypeError(String(failure));
      if (bytes !== undefined) return await this.#channels.use(id, () => channel.push(bytes));
      channel.end();
      return true;
    } catch (error) {
      channel.cancel(toError(error));
      return false;
    }
  }

  /** Fails a body whose call has ended without reading it. */
  discard(body: WireBody, reason: Error): void {
    if (typeof body === 'number') this.#channels.get(body)?.cancel(reason);
  }

  close(reason: Error): void {
    this.#channels.close(reason);
  }
}
