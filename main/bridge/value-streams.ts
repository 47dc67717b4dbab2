import { randomUUID } from 'node:crypto';
import { DiskCacheError } from '../../protocol/error.ts';
import type { Key } from '../../protocol/key.ts';
import type { SetOptions } from '../../protocol/options.ts';
import { MAX_CHUNKS_IN_FLIGHT, type OpenedStream, type ValueStreamContract } from '../../protocol/value-stream.ts';
import { type ByteRange, Cache, type CacheMethods, FanoutCache, type StoredBytes } from '../engine/index.ts';
import { IncomingStream, splitIntoChunks } from './byte-channel.ts';
import type { BridgeStore } from './handlers.ts';
import { Principal } from './principal.ts';

/** Stores the content of a stream; rejects with the stream's error. */
export type WriteChunks = (chunks: AsyncIterable<Uint8Array>) => Promise<void>;

/** Milliseconds without a chunk after which an upload is abandoned: it has a file open, and its bytes belong to no item. */
const UPLOAD_IDLE_MS = 120_000;

/** A value that a page sends chunk by chunk. Memory holds only the chunks in flight. */
export class Upload {
  readonly #chunks = new IncomingStream();
  readonly #stored: Promise<void>;
  readonly #idleTimer: NodeJS.Timeout;
  #inFlight = 0;

  constructor(store: WriteChunks, onIdle: () => void) {
    this.#stored = store(this.#chunks.readable);
    this.#idleTimer = setTimeout(() => (this.#inFlight > 0 ? this.#idleTimer.refresh() : onIdle()), UPLOAD_IDLE_MS);
    this.#idleTimer.unref();
    // A store may fail without reading the stream. The sender of the next chunk gets the reason.
    this.#stored.catch((why: unknown) => this.#chunks.fail(why));
  }

  /** @throws {DiskCacheError} `BAD_VALUE`, `BUSY` if too many chunks are in flight; anything that the store throws. */
  async receive(chunk: Uint8Array): Promise<void> {
    this.#idleTimer.refresh();
    this.#inFlight++;
    try {
      // If the store has stopped reading, throw its error.
      if (!(await this.#chunks.push(chunk))) await this.#stored;
    } finally {
      this.#inFlight--;
    }
  }

  /** Resolves when the item is stored. */
  async end(): Promise<void> {
    clearTimeout(this.#idleTimer);
    this.#chunks.end();
    await this.#stored;
  }

  /** Resolves when nothing of the upload is left. Has no effect after its end. */
  async cancel(reason: DiskCacheError): Promise<void> {
    clearTimeout(this.#idleTimer);
    this.#chunks.fail(reason);
    await Promise.allSettled([this.#stored]);
  }
}

type ByteSource = Pick<CacheMethods, 'openBytes'>;

/** Milliseconds without a read after which a value is closed; the next chunk opens it again. A player may be paused for hours. */
const DOWNLOAD_IDLE_MS = 10_000;

/** The open parts of a value. */
interface OpenDownload {
  readonly item: StoredBytes;
  readonly chunks: AsyncGenerator<Uint8Array, void>;
  first: Promise<IteratorResult<Uint8Array, void>> | undefined;
}

/** A value that a page reads chunk by chunk. Memory holds only the chunks in flight; an idle value has no file open. */
export class Download {
  readonly size: number;
  readonly isText: boolean;
  readonly #source: ByteSource;
  readonly #key: Key;
  readonly #range: ByteRange | undefined;
  readonly #principal: Principal;
  readonly #version: string;
  readonly #idleTimer: NodeJS.Timeout;
  #open: OpenDownload | undefined;
  /** Bytes already returned. */
  #bytesRead = 0;
  #inFlight = 0;
  #isCancelled = false;

  private constructor(
    source: ByteSource,
    key: Key,
    range: ByteRange | undefined,
    principal: Principal,
    item: StoredBytes,
  ) {
    this.#source = source;
    this.#key = key;
    this.#range = range;
    this.#principal = principal;
    this.#version = item.version;
    this.size = item.size;
    this.isText = item.isText;
    this.#open = this.#start(item, range);
    this.#idleTimer = setTimeout(() => this.#closeIfIdle(), DOWNLOAD_IDLE_MS);
    this.#idleTimer.unref();
  }

  /**
   * Resolves when the first chunk has been read, after which the value can't be taken away; returns undefined if there is no live item. An
   * item that is replaced before that is opened again.
   *
   * @throws {DiskCacheError} `BAD_VALUE`, `BAD_OPTION`, `CORRUPT`; `BUSY` if the values of the principal's streams use too much memory.
   */
  static async open(
    source: ByteSource,
    key: Key,
    range: ByteRange | undefined,
    principal: Principal,
  ): Promise<Download | undefined> {
    for (let item = source.openBytes(key); item !== undefined; ) {
      const download = new Download(source, key, range, principal, item);
      try {
        await download.#open?.first;
        return download;
      } catch (error) {
        await download.cancel();
        const now = source.openBytes(key);
        if (now?.version === item.version) throw error;
        item = now;
      }
    }
    return undefined;
  }

  /**
   * Returns the next chunk; undefined at the end.
   *
   * @throws {DiskCacheError} `BUSY` if too many chunks are in flight; `CORRUPT`; `DISCONNECTED` if the value was replaced while it was
   * idle.
   */
  async next(): Promise<Uint8Array | undefined> {
    if (this.#inFlight === MAX_CHUNKS_IN_FLIGHT) {
      throw new DiskCacheError(
        'BUSY',
        `${MAX_CHUNKS_IN_FLIGHT} chunks of this stream are under way; wait for an answer`,
      );
    }
    this.#inFlight++;
    try {
      const opened = this.#open ?? this.#resume();
      const read = opened.first ?? opened.chunks.next();
      opened.first = undefined;
      const { done, value } = await read;
      if (done) return undefined;
      this.#bytesRead += value.length;
      return value;
    } finally {
      this.#inFlight--;
      if (!this.#isCancelled) this.#idleTimer.refresh();
    }
  }

  /** Resolves when its file is closed. Has no effect after its end. */
  async cancel(): Promise<void> {
    this.#isCancelled = true;
    clearTimeout(this.#idleTimer);
    await this.#close();
  }

  #start(item: StoredBytes, range: ByteRange | undefined): OpenDownload {
    this.#principal.reserveMemory(item.heldBytes);
    try {
      const chunks = splitIntoChunks(item.stream(range));
      return { item, chunks, first: chunks.next() };
    } catch (error) {
      this.#principal.releaseMemory(item.heldBytes);
      throw error;
    }
  }

  #closeIfIdle(): void {
    if (this.#inFlight > 0) this.#idleTimer.refresh();
    else void this.#close();
  }

  #resume(): OpenDownload {
    const item = this.#isCancelled ? undefined : this.#source.openBytes(this.#key);
    if (item?.version !== this.#version) {
      throw new DiskCacheError(
        'DISCONNECTED',
        `The value was replaced or deleted after nothing of its stream was read for ${DOWNLOAD_IDLE_MS} ms; begin it again`,
      );
    }
    const start = (this.#range?.start ?? 0) + this.#bytesRead;
    this.#open = this.#start(item, { ...this.#range, start });
    return this.#open;
  }

  async #close(): Promise<void> {
    const opened = this.#open;
    this.#open = undefined;
    if (opened === undefined) return;
    this.#principal.releaseMemory(opened.item.heldBytes);
    opened.first?.catch(() => {});
    await Promise.allSettled([opened.chunks.return()]);
  }
}

/** Maximum number of open streams of a page, in both directions; its principal has a limit of its own. */
const MAX_OPEN_STREAMS = 64;

/** Every operation of the contract, on a store. */
type ValueStreamHandlers = {
  readonly [M in keyof ValueStreamContract]: (
    store: BridgeStore,
    ...args: Parameters<ValueStreamContract[M]>
  ) => ReturnType<ValueStreamContract[M]>;
};

/**
 * The values that one page reads or stores chunk by chunk. They have random names, so that a page that has reconnected can't mistake one
 * stream for another.
 *
 * Invariant: an upload that is no longer listed was stored whole or left nothing behind; no stream is left when the session ends.
 */
export class ValueStreams implements ValueStreamHandlers {
  readonly #downloads = new Map<string, Download>();
  readonly #uploads = new Map<string, Upload>();
  /** Streams that are being opened. */
  #opening = 0;
  readonly #principal: Principal;
  #isOpen = true;

  constructor(principal = new Principal()) {
    this.#principal = principal;
  }

  get size(): number {
    return this.#downloads.size + this.#uploads.size;
  }

  async openStream(store: BridgeStore, key: Key, range?: ByteRange): Promise<OpenedStream | undefined> {
    const source = assertCache(store);
    this.#reserveStream();
    this.#opening++;
    let isKept = false;
    try {
      const download = await Download.open(source, key, range, this.#principal);
      if (download === undefined) return undefined;
      if (!this.#isOpen) {
        await download.cancel();
        throw sessionEnded();
      }
      const stream = randomUUID();
      this.#downloads.set(stream, download);
      isKept = true;
      return { stream, size: download.size, isText: download.isText };
    } finally {
      this.#opening--;
      if (!isKept) this.#principal.streams.release();
    }
  }

  async nextChunk(_store: BridgeStore, stream: string): Promise<Uint8Array | undefined> {
    const download = this.#downloads.get(stream);
    if (download === undefined) throw unknownStream();
    try {
      const chunk = await download.next();
      if (chunk === undefined) await this.leaveStream(_store, stream);
      return chunk;
    } catch (error) {
      await this.leaveStream(_store, stream);
      throw error;
    }
  }

  openUpload(store: BridgeStore, key: Key, options?: SetOptions, asValue = false): string | undefined {
    const isCache = store instanceof Cache || store instanceof FanoutCache;
    if (asValue && (!isCache || store.codec !== 'structured')) return undefined;
    const target = assertCache(store);
    this.#reserveStream();
    const stream = randomUUID();
    try {
      const keep: WriteChunks = (chunks) => target.writeStream(key, chunks, options);
      this.#uploads.set(stream, new Upload(keep, () => void this.leaveStream(store, stream)));
    } catch (error) {
      this.#principal.streams.release();
      throw error;
    }
    return stream;
  }

  async sendChunk(_store: BridgeStore, stream: string, chunk: Uint8Array): Promise<void> {
    const upload = this.#uploads.get(stream);
    if (upload === undefined) throw unknownStream();
    try {
      await upload.receive(chunk);
    } catch (error) {
      await this.leaveStream(_store, stream);
      throw error;
    }
  }

  async endUpload(_store: BridgeStore, stream: string): Promise<void> {
    const upload = this.#uploads.get(stream);
    if (upload === undefined) throw unknownStream();
    try {
      await upload.end();
    } finally {
      if (this.#uploads.delete(stream)) this.#principal.streams.release();
    }
  }

  async leaveStream(_store: BridgeStore, stream: string): Promise<void> {
    const [download, upload] = [this.#downloads.get(stream), this.#uploads.get(stream)];
    if (this.#downloads.delete(stream) || this.#uploads.delete(stream)) this.#principal.streams.release();
    await download?.cancel();
    await upload?.cancel(new DiskCacheError('DISCONNECTED', 'The page gave up its stream'));
  }

  close(): void {
    this.#isOpen = false;
    for (let n = this.size; n > 0; n--) this.#principal.streams.release();
    for (const download of this.#downloads.values()) void download.cancel();
    for (const upload of this.#uploads.values()) void upload.cancel(sessionEnded());
    this.#downloads.clear();
    this.#uploads.clear();
  }

  /** @throws {DiskCacheError} `BUSY` if the page, or its principal, has too many streams. */
  #reserveStream(): void {
    if (this.size + this.#opening >= MAX_OPEN_STREAMS) {
      throw new DiskCacheError('BUSY', `This page has ${MAX_OPEN_STREAMS} streams open; end or cancel one of them`);
    }
    this.#principal.streams.acquire();
  }
}

function assertCache(store: BridgeStore): CacheMethods {
  if (store instanceof Cache || store instanceof FanoutCache) return store;
  throw new DiskCacheError('BAD_OPTION', 'Only a cache has values as streams; keep what is large in one');
}

const unknownStream = () =>
  new DiskCacheError(
    'DISCONNECTED',
    'There is no such stream: it has ended, or its connection has, or nothing was sent for too long; begin it again',
  );

const sessionEnded = () => new DiskCacheError('DISCONNECTED', 'The page has gone before its stream had ended');
