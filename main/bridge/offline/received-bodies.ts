import { DiskCacheError } from '../../../protocol/error.ts';
import { CHUNK_BYTES, MAX_CALLS, type Piece, type WireBody } from '../../../protocol/offline.ts';
import { PushedStream } from '../pushed-stream.ts';
import { asError } from './fault.ts';

/** A body of which nothing comes for so long is broken off: its request waits for it. */
const IDLE_MS = 300_000;

interface Received {
  readonly idle: NodeJS.Timeout;
  readonly body: PushedStream;
  readonly charge: Charge;
}

/** As `Request` and `Response` take it. */
export type Body = ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer> | null;

/** Counts what comes; throws when it is too much. */
type Charge = (bytes: Uint8Array) => void;

/**
 * Bodies on their way from a page, which pushes them piece by piece, each when there is room.
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
      throw notAllowed('A body is null, a chunk of bytes, or a number that is free');
    }
    const idle = setTimeout(() => {
      received.fail(new DiskCacheError('TIMEOUT', `The page has sent nothing of this body for ${IDLE_MS} ms`));
    }, IDLE_MS);
    idle.unref();
    const received = new PushedStream(() => {
      clearTimeout(idle);
      this.#open.delete(body);
    });
    this.#open.set(body, { body: received, charge, idle });
    return received.readable;
  }

  /** Takes a piece; answers, when there is room for another, whether anyone wants it. One that is none, or too many, ends the body. */
  async push({ body: id, bytes, failure }: Piece): Promise<boolean> {
    const received = this.#open.get(id);
    if (received === undefined) return false;
    const { body, charge, idle } = received;
    idle.refresh();
    try {
      if (failure !== undefined) throw new TypeError(String(failure));
      if (bytes !== undefined) {
        charge(bytes);
        return await body.push(bytes);
      }
      body.end();
      return true;
    } catch (error) {
      body.fail(asError(error));
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
