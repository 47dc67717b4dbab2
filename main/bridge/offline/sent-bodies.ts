import { DiskCacheError } from '../../../protocol/error.ts';
import { CHUNK_BYTES, CHUNKS_AHEAD, MAX_BODIES, type WireBody } from '../../../protocol/offline.ts';

/** Smaller bodies travel with their head, where all of it is at hand. Bytes. */
const WHOLE_BYTES = 2 ** 16;

type Reader = ReadableStreamDefaultReader<Uint8Array>;

interface Sent {
  readonly reader: Reader;
  /** Read and not asked for yet. */
  readonly ready: Uint8Array[];
  /** The chunk that was asked for last. */
  last: Promise<unknown>;
  asked: number;
}

/**
 * Bodies on their way to a page, which pulls them chunk by chunk. Memory holds what is asked for.
 *
 * Invariant: a body leaves when it has ended or failed, the page wants no more of it, or the page goes, and is cancelled unless
 * it was read to its end.
 */
export class SentBodies {
  readonly #open = new Map<number, Sent>();
  #lastId = 0;
  #closed: Error | undefined;

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
    const ready: Uint8Array[] = [];
    for (let bytes = 0; atHand && bytes <= WHOLE_BYTES; bytes += ready.at(-1)?.length ?? 0) {
      const { done, value } = await reader.read();
      if (done) return new Uint8Array(Buffer.concat(ready));
      ready.push(value);
    }
    const fault = this.#closed ?? (this.#open.size < MAX_BODIES ? undefined : tooMany());
    if (fault !== undefined) {
      cancel(reader, fault);
      throw fault;
    }
    this.#open.set(++this.#lastId, { reader, ready, last: Promise.resolve(), asked: 0 });
    return this.#lastId;
  }

  /**
   * The next chunk, null at the end.
   *
   * @throws {DiskCacheError} `NOT_ALLOWED` for a body that isn't open, or of which too much was asked for; what reading throws.
   */
  async pull(id: number): Promise<Uint8Array | null> {
    const body = this.#open.get(id);
    if (body === undefined || body.asked >= CHUNKS_AHEAD) {
      throw new DiskCacheError('NOT_ALLOWED', `Body ${String(id)} isn't open, or too much of it was asked for at once`);
    }
    body.asked++;
    const chunk = body.last.then(() => next(body));
    body.last = chunk;
    try {
      const bytes = await chunk;
      if (bytes === null) this.#open.delete(id);
      return bytes;
    } catch (error) {
      this.#open.delete(id);
      throw error;
    } finally {
      body.asked--;
    }
  }

  cancel(id: number, why: Error): void {
    const body = this.#open.get(id);
    this.#open.delete(id);
    if (body !== undefined) cancel(body.reader, why);
  }

  close(why: Error): void {
    this.#closed = why;
    for (const id of [...this.#open.keys()]) this.cancel(id, why);
  }
}

const tooMany = () =>
  new DiskCacheError('BUSY', `This page has ${MAX_BODIES} bodies open; read or cancel some of them`);

async function next({ reader, ready }: Sent): Promise<Uint8Array | null> {
  while (ready.length === 0) {
    const { done, value } = await reader.read();
    if (done) return null;
    if (!(value instanceof Uint8Array)) throw new TypeError('The body of a response brings something else than bytes');
    if (value.length > 0) ready.push(value);
  }
  const chunk = ready.shift()!;
  if (chunk.length > CHUNK_BYTES) ready.unshift(chunk.subarray(CHUNK_BYTES));
  // A message holds the whole buffer of a view: what stands beside it, too, which may be anybody's.
  return new Uint8Array(chunk.subarray(0, CHUNK_BYTES));
}

/** Who wrote the body hears of it; that cancelling fails is of no interest to anyone any more. */
function cancel(reader: Reader, why: Error): void {
  reader.cancel(why).catch(() => undefined);
}
