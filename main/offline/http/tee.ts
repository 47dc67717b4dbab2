import { ByteLengthQueuingStrategy, ReadableStream, type ReadableStreamDefaultController } from 'node:stream/web';

/** Bytes that the reader may be behind the disk. */
const MAX_READER_LAG_BYTES = 1024 * 1024;

/** Which branches still take the body. */
export type TeeState = 'both' | 'disk-only' | 'reader-only' | 'aborted';

/** `reader-left` and `store-failed` end one branch; `source-failed` and `aborted` end both. */
export type TeeEvent = 'reader-left' | 'store-failed' | 'source-failed' | 'aborted';

/** One row per state; what has ended stays ended. */
const TRANSITIONS: Readonly<Record<TeeState, Readonly<Record<TeeEvent, TeeState>>>> = {
  both: {
    'reader-left': 'disk-only',
    'store-failed': 'reader-only',
    'source-failed': 'aborted',
    aborted: 'aborted',
  },
  'disk-only': {
    'reader-left': 'disk-only',
    'store-failed': 'aborted',
    'source-failed': 'aborted',
    aborted: 'aborted',
  },
  'reader-only': {
    'reader-left': 'aborted',
    'store-failed': 'reader-only',
    'source-failed': 'aborted',
    aborted: 'aborted',
  },
  aborted: {
    'reader-left': 'aborted',
    'store-failed': 'aborted',
    'source-failed': 'aborted',
    aborted: 'aborted',
  },
};

/** Returns the state after an event. Pure. */
export const getNextState = (state: TeeState, event: TeeEvent): TeeState => TRANSITIONS[state][event];

const hasReader = (state: TeeState): boolean => state === 'both' || state === 'reader-only';

interface TeeListener {
  /** The reader is more than `MAX_READER_LAG_BYTES` behind; the disk waits for it. */
  onReaderLag(): void;
  /** The reader has cancelled or aborted. */
  onReaderLeave(reason: unknown): void;
  /** `write` has failed, but not because of the source. */
  onStoreFailure(error: unknown): void;
}

export interface TeeOptions {
  readonly source: ReadableStream<Uint8Array>;
  /** Length of the body in bytes; NaN if it isn't known. */
  readonly size: number;
  readonly write: (chunks: AsyncGenerator<Uint8Array>) => Promise<void>;
  readonly listener: TeeListener;
  /** Ends the reader's branch. */
  readonly readerSignal: AbortSignal;
  /** Ends both branches. */
  readonly abortSignal: AbortSignal;
}

/**
 * One body for the disk and a reader: every chunk goes to the disk, then to the reader, and the next one is read when both have
 * taken it, so memory holds at most `MAX_READER_LAG_BYTES`. The reader's stream ends after `write` has: a reader at the end finds the
 * response stored. A reader that knows the size is at the end with the last byte, so the last chunk waits for `write`, too.
 */
export class StoreTee {
  readonly body: ReadableStream<Uint8Array>;
  /** Resolves when the branches have ended; rejects with what the source failed or was aborted with. */
  readonly done: Promise<void>;
  readonly #source: ReadableStreamDefaultReader<Uint8Array>;
  readonly #options: TeeOptions;
  #state: TeeState = 'both';
  #readerSink: ReadableStreamDefaultController<Uint8Array> | undefined;
  #onReaderPull = () => {};
  #hasSourceFailed = false;
  /** The chunk that was read and not yet delivered. A disk that fails has not taken it, and the reader still gets it. */
  #pending: Uint8Array | undefined;
  #bytesRead = 0;

  constructor(options: TeeOptions) {
    this.#options = options;
    this.#source = options.source.getReader();
    this.body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#readerSink = controller;
        },
        pull: () => this.#onReaderPull(),
        cancel: (reason) => this.#handle('reader-left', reason),
      },
      new ByteLengthQueuingStrategy({ highWaterMark: MAX_READER_LAG_BYTES }),
    );
    this.done = this.#run();
  }

  get state(): TeeState {
    return this.#state;
  }

  /** The only place that changes the state. */
  #handle(event: TeeEvent, reason: unknown): void {
    const before = this.#state;
    this.#state = getNextState(before, event);
    if (event === 'store-failed') this.#options.listener.onStoreFailure(reason);
    if (hasReader(before) && !hasReader(this.#state)) {
      this.#readerSink?.error(reason);
      if (event === 'reader-left') this.#options.listener.onReaderLeave(reason);
      this.#onReaderPull();
    }
    // A fetch may miss an abort: in Node, a Request that was collected aborts nothing any more, whatever its signal follows.
    if (before !== 'aborted' && this.#state === 'aborted') this.#source.cancel(reason).catch(() => undefined);
  }

  async #run(): Promise<void> {
    const { readerSignal, abortSignal } = this.#options;
    const onReaderAbort = () => this.#handle('reader-left', readerSignal.reason);
    const onAbort = () => this.#handle('aborted', abortSignal.reason);
    if (readerSignal.aborted) onReaderAbort();
    readerSignal.addEventListener('abort', onReaderAbort, { once: true });
    abortSignal.addEventListener('abort', onAbort, { once: true });
    try {
      await this.#write();
    } catch (error) {
      this.#handle('source-failed', error);
      throw error;
    } finally {
      readerSignal.removeEventListener('abort', onReaderAbort);
      abortSignal.removeEventListener('abort', onAbort);
    }
    if (!hasReader(this.#state)) return;
    if (this.#pending !== undefined) this.#readerSink?.enqueue(this.#pending);
    this.#readerSink?.close();
  }

  /** Throws only what the source failed or was aborted with. */
  async #write(): Promise<void> {
    try {
      await this.#options.write(this.#readChunks());
    } catch (error) {
      if (this.#hasSourceFailed) throw error;
      this.#handle('store-failed', error);
      if (hasReader(this.#state)) for await (const _ of this.#readChunks());
    }
  }

  /** Yields each chunk to the disk, and enqueues it for the reader when the disk has taken it. */
  async *#readChunks(): AsyncGenerator<Uint8Array> {
    const { size, listener } = this.#options;
    for (;;) {
      this.#pending ??= await this.#readNext();
      if (this.#pending === undefined) return;
      yield this.#pending;
      const following = this.#bytesRead === size ? await this.#readNext() : undefined;
      if (this.#bytesRead === size && following === undefined) return;
      if (hasReader(this.#state)) this.#readerSink?.enqueue(this.#pending);
      this.#pending = following;
      while (hasReader(this.#state) && (this.#readerSink?.desiredSize ?? 0) <= 0) {
        listener.onReaderLag();
        await new Promise<void>((resolve) => {
          this.#onReaderPull = resolve;
        });
      }
    }
  }

  async #readNext(): Promise<Uint8Array | undefined> {
    try {
      const { value } = await this.#source.read();
      this.#options.abortSignal.throwIfAborted();
      this.#bytesRead += value?.length ?? 0;
      return value;
    } catch (error) {
      this.#hasSourceFailed = true;
      throw error;
    }
  }
}
