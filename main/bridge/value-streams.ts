import { randomUUID } from 'node:crypto';
import { DiskCacheError } from '../../protocol/error.ts';
import type { Key } from '../../protocol/key.ts';
import type { SetOptions } from '../../protocol/options.ts';
import type { OpenedStream, ValueStreamContract } from '../../protocol/value-stream.ts';
import { type ByteRange, Cache, type CacheFace, FanoutCache } from '../engine/index.ts';
import { Download } from './download.ts';
import { Principal } from './principal.ts';
import { type StoreChunks, Upload } from './upload.ts';
import type { Store } from './verbs.ts';

/** A page may have this number of values under way, in both directions; the principal that it belongs to has a limit of its own. */
const MAX_OPEN = 64;

/** Every operation of the contract, on a store. */
type Verbs = {
  readonly [M in keyof ValueStreamContract]: (
    store: Store,
    ...args: Parameters<ValueStreamContract[M]>
  ) => ReturnType<ValueStreamContract[M]>;
};

/**
 * The values that one page reads or stores chunk by chunk. They are known by random names, so that a page that has connected anew
 * can't take one stream for another.
 *
 * Invariant: a stream that is not in the lists has been stored whole, or nothing of it is left; none is left when the session ends.
 */
export class ValueStreams implements Verbs {
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

  async openStream(store: Store, key: Key, range?: ByteRange): Promise<OpenedStream | undefined> {
    const source = cacheOf(store);
    this.#demandRoom();
    this.#opening++;
    let isKept = false;
    try {
      const download = await Download.open(source, key, range, this.#principal);
      if (download === undefined) return undefined;
      if (!this.#isOpen) {
        await download.leave();
        throw ended();
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

  async nextChunk(_store: Store, stream: string): Promise<Uint8Array | undefined> {
    const download = this.#downloads.get(stream);
    if (download === undefined) throw unknown();
    try {
      const chunk = await download.next();
      if (chunk === undefined) await this.leaveStream(_store, stream);
      return chunk;
    } catch (error) {
      await this.leaveStream(_store, stream);
      throw error;
    }
  }

  openUpload(store: Store, key: Key, options?: SetOptions, asValue = false): string | undefined {
    const isCache = store instanceof Cache || store instanceof FanoutCache;
    if (asValue && (!isCache || store.codec !== 'structured')) return undefined;
    const target = cacheOf(store);
    this.#demandRoom();
    const stream = randomUUID();
    try {
      const keep: StoreChunks = (chunks) => target.writeStream(key, chunks, options);
      this.#uploads.set(stream, new Upload(keep, () => void this.leaveStream(store, stream)));
    } catch (error) {
      this.#principal.streams.release();
      throw error;
    }
    return stream;
  }

  async sendChunk(_store: Store, stream: string, chunk: Uint8Array): Promise<void> {
    const upload = this.#uploads.get(stream);
    if (upload === undefined) throw unknown();
    try {
      await upload.take(chunk);
    } catch (error) {
      await this.leaveStream(_store, stream);
      throw error;
    }
  }

  async endUpload(_store: Store, stream: string): Promise<void> {
    const upload = this.#uploads.get(stream);
    if (upload === undefined) throw unknown();
    try {
      await upload.end();
    } finally {
      if (this.#uploads.delete(stream)) this.#principal.streams.release();
    }
  }

  async leaveStream(_store: Store, stream: string): Promise<void> {
    const [download, upload] = [this.#downloads.get(stream), this.#uploads.get(stream)];
    if (this.#downloads.delete(stream) || this.#uploads.delete(stream)) this.#principal.streams.release();
    await download?.leave();
    await upload?.leave(new DiskCacheError('DISCONNECTED', 'The page gave up its stream'));
  }

  close(): void {
    this.#isOpen = false;
    for (let n = this.size; n > 0; n--) this.#principal.streams.release();
    for (const download of this.#downloads.values()) void download.leave();
    for (const upload of this.#uploads.values()) void upload.leave(ended());
    this.#downloads.clear();
    this.#uploads.clear();
  }

  /** @throws {DiskCacheError} `BUSY` for one more than this page, or its principal, may have. */
  #demandRoom(): void {
    if (this.size + this.#opening >= MAX_OPEN) {
      throw new DiskCacheError('BUSY', `This page has ${MAX_OPEN} streams open; end or cancel one of them`);
    }
    this.#principal.streams.take();
  }
}

function cacheOf(store: Store): CacheFace {
  if (store instanceof Cache || store instanceof FanoutCache) return store;
  throw new DiskCacheError('BAD_OPTION', 'Only a cache has values as streams; keep what is large in one');
}

const unknown = () =>
  new DiskCacheError(
    'DISCONNECTED',
    'There is no such stream: it has ended, or its connection has, or nothing was sent for too long; begin it again',
  );

const ended = () => new DiskCacheError('DISCONNECTED', 'The page has gone before its stream had ended');
