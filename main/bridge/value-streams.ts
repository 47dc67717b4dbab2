import { randomUUID } from 'node:crypto';
import { type ByteSource, createByteSource } from '../../protocol/byte-channel.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import type { Key } from '../../protocol/key.ts';
import type { SetOptions } from '../../protocol/options.ts';
import type { OpenedStream, ValueStreamContract } from '../../protocol/value-stream.ts';
import { type ByteRange, Cache, type CacheMethods, FanoutCache, type StoredBytes } from '../engine/index.ts';
import { ChannelTable, IncomingChannel, OutgoingChannel } from './byte-channel.ts';
import type { BridgeStore } from './handlers.ts';
import { Principal } from './principal.ts';

/** Milliseconds without a chunk after which an upload is abandoned: it has a file open, and its bytes belong to no item. */
const UPLOAD_IDLE_MS = 120_000;

/** Milliseconds without a read after which a value is closed; the next chunk opens it again. A player may be paused for hours. */
const DOWNLOAD_IDLE_MS = 10_000;

/** A value that a page sends. */
class Upload {
  readonly #channel = new IncomingChannel();
  readonly #stored: Promise<void>;

  /** `store` stores the content of the stream; rejects with the stream's error. */
  constructor(store: (chunks: AsyncIterable<Uint8Array>) => Promise<void>) {
    this.#stored = store(this.#channel.readable);
    // A store may fail without reading the stream. The sender of the next chunk gets the reason.
    this.#stored.catch((why: unknown) => this.#channel.cancel(why));
  }

  /** @throws {DiskCacheError} `BAD_VALUE`; anything that the store throws. */
  async push(chunk: Uint8Array): Promise<void> {
    // If the store has stopped reading, throw its error.
    if (!(await this.#channel.push(chunk))) await this.#stored;
  }

  /** Resolves when the item is stored. */
  async end(): Promise<void> {
    this.#channel.end();
    await this.#stored;
  }

  /** Resolves when nothing of the upload is left. */
  async cancel(reason: Error): Promise<void> {
    this.#channel.cancel(reason);
    await Promise.allSettled([this.#stored]);
  }
}

/** Opens the bytes of a value; until they are cancelled they count against the memory of the principal. */
function openSource(item: StoredBytes, range: ByteRange | undefined, principal: Principal) {
  const source = createByteSource(item.stream(range));
  principal.reserveMemory(item.heldBytes);
  let heldBytes = item.heldBytes;
  const cancel = (reason: unknown): Promise<void> => {
    principal.releaseMemory(heldBytes);
    heldBytes = 0;
    return source.cancel(reason);
  };
  return { ...source, cancel };
}

/**
 * Opens the live item of a key; returns undefined for a missing key. Resolves when the first chunk has been read: from then on the stream
 * gives this value, also if the item is replaced. An item that is replaced earlier is opened again. While the page is idle no file is open.
 *
 * @throws {DiskCacheError} `BAD_VALUE`, `BAD_OPTION`, `CORRUPT`; `BUSY` if the values of the principal's streams use too much memory.
 */
async function openValue(store: CacheMethods, key: Key, range: ByteRange | undefined, principal: Principal) {
  for (let item = store.openBytes(key); item !== undefined; ) {
    const { size, isText, version } = item;
    const reopen = (bytesSent: number): ByteSource => {
      const current = store.openBytes(key);
      if (current?.version !== version) {
        throw new DiskCacheError(
          'DISCONNECTED',
          `The value was replaced or deleted after its stream was not read for ${DOWNLOAD_IDLE_MS} ms; open it again`,
        );
      }
      return openSource(current, { ...range, start: (range?.start ?? 0) + bytesSent }, principal);
    };
    const opened = openSource(item, range, principal);
    try {
      await opened.readAhead(0);
      return { size, isText, channel: new OutgoingChannel(opened, reopen) };
    } catch (error) {
      await opened.cancel(error);
      item = store.openBytes(key);
      if (item?.version === version) throw error;
    }
  }
  return undefined;
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
  readonly #downloads: ChannelTable<string, OutgoingChannel>;
  readonly #uploads: ChannelTable<string, Upload>;
  /** Streams that are being opened. */
  #opening = 0;
  readonly #principal: Principal;
  #isOpen = true;

  constructor(principal = new Principal()) {
    this.#principal = principal;
    const quota = principal.streams;
    this.#downloads = new ChannelTable(DOWNLOAD_IDLE_MS, (_, channel) => channel.pause(), quota);
    this.#uploads = new ChannelTable(UPLOAD_IDLE_MS, (stream) => void this.#cancel(stream), quota);
  }

  get size(): number {
    return this.#downloads.size + this.#uploads.size;
  }

  async openStream(store: BridgeStore, key: Key, range?: ByteRange): Promise<OpenedStream | undefined> {
    const source = assertCache(store);
    this.#reserveStream();
    this.#opening++;
    let isListed = false;
    try {
      const value = await openValue(source, key, range, this.#principal);
      if (value === undefined) return undefined;
      const { size, isText, channel } = value;
      if (!this.#isOpen) {
        await channel.cancel(sessionEnded());
        throw sessionEnded();
      }
      const stream = randomUUID();
      this.#downloads.add(stream, channel);
      isListed = true;
      return { stream, size, isText };
    } finally {
      this.#opening--;
      if (!isListed) this.#principal.streams.release();
    }
  }

  async nextChunk(_store: BridgeStore, stream: string): Promise<Uint8Array | undefined> {
    const chunk = await this.#cancelOnError(
      stream,
      this.#downloads.use(stream, (download) => download.pull()),
    );
    if (chunk === undefined) await this.#cancel(stream);
    return chunk;
  }

  openUpload(store: BridgeStore, key: Key, options?: SetOptions, asValue = false): string | undefined {
    const isCache = store instanceof Cache || store instanceof FanoutCache;
    if (asValue && (!isCache || store.codec !== 'structured')) return undefined;
    const target = assertCache(store);
    this.#reserveStream();
    const stream = randomUUID();
    try {
      this.#uploads.add(stream, new Upload((chunks) => target.writeStream(key, chunks, options)));
    } catch (error) {
      this.#principal.streams.release();
      throw error;
    }
    return stream;
  }

  sendChunk(_store: BridgeStore, stream: string, chunk: Uint8Array): Promise<void> {
    return this.#cancelOnError(
      stream,
      this.#uploads.use(stream, (upload) => upload.push(chunk)),
    );
  }

  async endUpload(_store: BridgeStore, stream: string): Promise<void> {
    try {
      await this.#uploads.use(stream, (upload) => upload.end(), false);
    } finally {
      this.#uploads.remove(stream);
    }
  }

  leaveStream(_store: BridgeStore, stream: string): Promise<void> {
    return this.#cancel(stream);
  }

  close(): void {
    this.#isOpen = false;
    this.#downloads.close(sessionEnded());
    this.#uploads.close(sessionEnded());
  }

  async #cancelOnError<T>(stream: string, step: Promise<T>): Promise<T> {
    try {
      return await step;
    } catch (error) {
      await this.#cancel(stream);
      throw error;
    }
  }

  async #cancel(stream: string): Promise<void> {
    const channel = this.#downloads.remove(stream) ?? this.#uploads.remove(stream);
    await channel?.cancel(new DiskCacheError('DISCONNECTED', 'The page cancelled its stream'));
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
  throw new DiskCacheError('BAD_OPTION', 'Only a cache can stream values; store large values in one');
}

const sessionEnded = () => new DiskCacheError('DISCONNECTED', 'The page disconnected before its stream ended');
