import type { ByteSource } from '../../protocol/byte-channel.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import { MAX_CHUNK_BYTES, MAX_CHUNKS_IN_FLIGHT } from '../../protocol/value-stream.ts';
import { unrefTimer } from '../engine/internal.ts';
import type { Quota } from './principal.ts';

interface OpenChannel<C> {
  readonly channel: C;
  readonly idleTimer: NodeJS.Timeout;
  inFlight: number;
}

/**
 * The open channels of a page in one direction, by id, with their chunks in flight.
 *
 * Invariant: a channel that is removed has no timer left and has given back its place in the quota.
 */
export class ChannelTable<Id, C extends { cancel(reason: Error): unknown }> {
  readonly #open = new Map<Id, OpenChannel<C>>();
  readonly #idleMs: number;
  readonly #onIdle: (id: Id, channel: C) => void;
  readonly #quota: Quota | undefined;

  /** `onIdle` is called for a channel that isn't used for `idleMs`; `quota`: where each channel has acquired a place. */
  constructor(idleMs: number, onIdle: (id: Id, channel: C) => void, quota?: Quota) {
    this.#idleMs = idleMs;
    this.#onIdle = onIdle;
    this.#quota = quota;
  }

  get size(): number {
    return this.#open.size;
  }

  get(id: Id): C | undefined {
    return this.#open.get(id)?.channel;
  }

  add(id: Id, channel: C): void {
    // While a chunk is in flight, the other end is slow but not idle.
    const onTimeout = () => (open.inFlight > 0 ? open.idleTimer.refresh?.() : this.#onIdle(id, channel));
    const open = { channel, idleTimer: unrefTimer(setTimeout(onTimeout, this.#idleMs)), inFlight: 0 };
    this.#open.set(id, open);
  }

  /** Returns whether the channel is open and another of its chunks may be in flight. */
  hasCredit(id: Id): boolean {
    return (this.#open.get(id)?.inFlight ?? MAX_CHUNKS_IN_FLIGHT) < MAX_CHUNKS_IN_FLIGHT;
  }

  /**
   * Runs a step of a channel; its chunk is in flight until the step settles.
   *
   * @throws {DiskCacheError} `DISCONNECTED` if there is no such channel, `BUSY` if too many chunks are in flight.
   */
  async use<T>(id: Id, step: (channel: C) => Promise<T>, needsCredit = true): Promise<T> {
    const open = this.#open.get(id);
    if (open === undefined) {
      throw new DiskCacheError(
        'DISCONNECTED',
        'This stream isn’t open: it or its connection has ended, or nothing was sent for too long; open it again',
      );
    }
    if (needsCredit && !this.hasCredit(id)) {
      throw new DiskCacheError(
        'BUSY',
        `${MAX_CHUNKS_IN_FLIGHT} chunks of this stream are in flight; wait for a response`,
      );
    }
    open.inFlight++;
    open.idleTimer.refresh?.();
    try {
      return await step(open.channel);
    } finally {
      open.inFlight--;
      if (this.#open.get(id) === open) open.idleTimer.refresh?.();
    }
  }

  remove(id: Id): C | undefined {
    const open = this.#open.get(id);
    if (open === undefined) return undefined;
    this.#open.delete(id);
    clearTimeout(open.idleTimer);
    this.#quota?.release();
    return open.channel;
  }

  /** Cancels all channels. */
  close(reason: Error): void {
    for (const id of [...this.#open.keys()]) this.remove(id)?.cancel(reason);
  }
}

/**
 * Bytes for a page, which pulls them. Memory holds the chunks in flight.
 *
 * Invariant: every pull settles; after an error or a cancellation none returns the end.
 */
export class OutgoingChannel {
  #source: ByteSource | undefined;
  readonly #reopen: ((bytesSent: number) => ByteSource) | undefined;
  #bytesSent = 0;
  #failure: { readonly error: unknown } | undefined;

  /** `reopen` continues after a pause, behind what was sent. */
  constructor(source: ByteSource, reopen?: (bytesSent: number) => ByteSource) {
    this.#source = source;
    this.#reopen = reopen;
  }

  /** Returns the next chunk; undefined at the end. Concurrent pulls are served in order. */
  async pull(): Promise<Uint8Array | undefined> {
    try {
      this.#source ??= this.#reopen?.(this.#bytesSent);
      const chunk = (await this.#source?.chunks.next())?.value ?? undefined;
      // A cancelled source ends, which must not look like the end of the bytes.
      if (this.#failure !== undefined) throw this.#failure.error;
      this.#bytesSent += chunk?.length ?? 0;
      return chunk;
    } catch (error) {
      this.#failure ??= { error };
      throw error;
    }
  }

  /** Closes the source until the next pull. */
  pause(): void {
    void this.#source?.cancel(undefined);
    this.#source = undefined;
  }

  /** Resolves when the source is closed. */
  async cancel(reason: Error): Promise<void> {
    this.#failure ??= { error: reason };
    await this.#source?.cancel(reason);
  }
}

interface IncomingOptions {
  /** Called when nothing more will be read. */
  readonly onEnd?: () => void;
  /** Counts a chunk; throws if there are too many bytes. */
  readonly charge?: (chunk: Uint8Array) => void;
}

/**
 * Bytes from a page, which pushes them. Memory holds the chunks in flight.
 *
 * Invariant: the reader gets all bytes or an error; every push settles.
 */
export class IncomingChannel {
  readonly readable: ReadableStream<Uint8Array>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #charge: (chunk: Uint8Array) => void;
  #controller: TransformStreamDefaultController<Uint8Array> | undefined;

  constructor({ onEnd = () => {}, charge = () => {} }: IncomingOptions = {}) {
    // By default a TransformStream queues nothing for its reader: a write settles when its chunk is read.
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
      },
    });
    this.readable = readable;
    this.#writer = writable.getWriter();
    this.#writer.closed.then(onEnd, onEnd);
    this.#charge = charge;
  }

  /**
   * Resolves when the chunk has been read or never will be; returns whether it was wanted.
   *
   * @throws {DiskCacheError} `BAD_VALUE` if it isn't a chunk; anything that `charge` throws.
   */
  async push(chunk: unknown): Promise<boolean> {
    if (!(chunk instanceof Uint8Array) || chunk.length > MAX_CHUNK_BYTES) {
      throw new DiskCacheError('BAD_VALUE', `A stream is sent in chunks of at most ${MAX_CHUNK_BYTES} bytes`);
    }
    this.#charge(chunk);
    return this.#writer.write(chunk).then(
      () => true,
      () => false,
    );
  }

  /** Marks the end. Fails the stream if chunks are still pending, because they would be missing. */
  end(): void {
    const hasPending = this.#writer.desiredSize !== 1;
    if (hasPending) this.cancel(new DiskCacheError('BAD_VALUE', 'The stream was ended before its chunks were read'));
    this.#writer.close().catch(() => {});
  }

  /** The reader gets the reason as error. Has no effect after the end. */
  cancel(reason: unknown): void {
    this.#controller?.error(reason);
  }
}
