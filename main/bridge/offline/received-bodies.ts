import { DiskCacheError } from '../../../protocol/error.ts';
import { CHUNK_BYTES, CHUNKS_AHEAD, MAX_CALLS, type Piece, type WireBody } from '../../../protocol/offline.ts';

interface Received {
  readonly writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly charge: Charge;
  waiting: number;
}

/** As `Request` and `Response` take it. */
export type Body = ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer> | null;

/** Counts what comes; throws when it is too much. */
export type Charge = (bytes: Uint8Array) => void;

/**
 * Bodies on their way from a page, which pushes them piece by piece, each when there is room. Memory holds `CHUNKS_AHEAD` of them.
 *
 * Invariant: who reads one gets all of it or an error, also when the page goes half-way.
 */
export class ReceivedBodies {
  readonly #open = new Map<number, Received>();

  get size(): number {
    return this.#open.size;
  }

  /** @throws {DiskCacheError} `NOT_ALLOWED` for what is no body, or one that comes already; what `charge` throws. */
  receive(body: WireBody, charge: Charge = () => {}): Body {
    if (body === null) return null;
    if (body instanceof Uint8Array && body.length <= CHUNK_BYTES) {
      charge(body);
      return new Uint8Array(body);
    }
    if (typeof body !== 'number' || this.#open.has(body) || this.#open.size >= MAX_CALLS) {
      throw new DiskCacheError('NOT_ALLOWED', 'A body is null, a chunk of bytes, or a number that is free');
    }
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const writer = writable.getWriter();
    this.#open.set(body, { writer, charge, waiting: 0 });
    // Closed either way; who reads it hears how.
    writer.closed.catch(() => undefined).finally(() => this.#open.delete(body));
    return readable;
  }

  /**
   * Takes a piece; answers, when there is room for another, whether anyone wants it.
   *
   * @throws {DiskCacheError} `NOT_ALLOWED` for what is no piece, or comes before there was room.
   */
  async push({ body, bytes, failure }: Piece): Promise<boolean> {
    const received = this.#open.get(body);
    if (received === undefined) return false;
    const { writer, charge } = received;
    try {
      if (failure !== undefined) await writer.abort(new TypeError(String(failure)));
      else if (bytes === undefined) await writer.close();
      else {
        if (!(bytes instanceof Uint8Array) || bytes.length > CHUNK_BYTES || received.waiting >= CHUNKS_AHEAD)
          throw new DiskCacheError('NOT_ALLOWED', `A piece of a body is at most ${CHUNK_BYTES} bytes, in its turn`);
        charge(bytes);
        received.waiting++;
        await writer.write(bytes).finally(() => received.waiting--);
      }
      return true;
    } catch (error) {
      // Either who reads wants no more, and it is over already, or this piece was one too many.
      writer.abort(error).catch(() => undefined);
      return false;
    }
  }

  /** The call it belongs to is over without having read it. */
  discard(body: WireBody, why: Error): void {
    if (typeof body === 'number')
      this.#open
        .get(body)
        ?.writer.abort(why)
        .catch(() => undefined);
  }

  close(why: Error): void {
    for (const body of [...this.#open.keys()]) this.discard(body, why);
  }
}
