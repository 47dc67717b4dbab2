import { DiskCacheError } from '../../protocol/error.ts';
import type { Key } from '../../protocol/key.ts';
import { CHUNKS_AHEAD } from '../../protocol/value-stream.ts';
import type { ByteRange, CacheFace, StoredBytes } from '../engine/index.ts';
import { inChunks } from './chunks.ts';
import type { Principal } from './principal.ts';

type Source = Pick<CacheFace, 'openBytes'>;

/** A value of which nothing is read for so long is closed, and opened again for the next chunk: a player may be paused for hours. */
const IDLE_MS = 10_000;

/** What is open of a value. */
interface Opened {
  readonly item: StoredBytes;
  readonly chunks: AsyncGenerator<Uint8Array, void>;
  first: Promise<IteratorResult<Uint8Array, void>> | undefined;
}

/** A value that a page reads chunk by chunk. Memory holds the chunks under way; no file is open of one that is not read. */
export class Download {
  readonly size: number;
  readonly isText: boolean;
  readonly #source: Source;
  readonly #key: Key;
  readonly #range: ByteRange | undefined;
  readonly #principal: Principal;
  readonly #version: string;
  readonly #idle: NodeJS.Timeout;
  #opened: Opened | undefined;
  /** Bytes that were handed out. */
  #read = 0;
  #underWay = 0;
  #isLeft = false;

  private constructor(source: Source, key: Key, range: ByteRange | undefined, principal: Principal, item: StoredBytes) {
    this.#source = source;
    this.#key = key;
    this.#range = range;
    this.#principal = principal;
    this.#version = item.version;
    this.size = item.size;
    this.isText = item.isText;
    this.#opened = this.#begin(item, range);
    this.#idle = setTimeout(() => this.#park(), IDLE_MS);
    this.#idle.unref();
  }

  /**
   * Resolves when the first chunk was read, from when on nobody can take the value away; undefined when there is no live item. An
   * item that was replaced before that is opened again.
   *
   * @throws {DiskCacheError} `BAD_VALUE`, `BAD_OPTION`, `CORRUPT`; `BUSY` if the values of the principal's streams hold too much memory.
   */
  static async open(
    source: Source,
    key: Key,
    range: ByteRange | undefined,
    principal: Principal,
  ): Promise<Download | undefined> {
    for (let item = source.openBytes(key); item !== undefined; ) {
      const download = new Download(source, key, range, principal, item);
      try {
        await download.#opened?.first;
        return download;
      } catch (error) {
        await download.leave();
        const now = source.openBytes(key);
        if (now?.version === item.version) throw error;
        item = now;
      }
    }
    return undefined;
  }

  /**
   * @throws {DiskCacheError} `BUSY` for more chunks than may be under way; `CORRUPT`; `DISCONNECTED` for a value that was replaced while
   * nothing of it was read.
   */
  async next(): Promise<Uint8Array | undefined> {
    if (this.#underWay === CHUNKS_AHEAD) {
      throw new DiskCacheError('BUSY', `${CHUNKS_AHEAD} chunks of this stream are under way; wait for an answer`);
    }
    this.#underWay++;
    try {
      const opened = this.#opened ?? this.#resume();
      const read = opened.first ?? opened.chunks.next();
      opened.first = undefined;
      const { done, value } = await read;
      if (done) return undefined;
      this.#read += value.length;
      return value;
    } finally {
      this.#underWay--;
      if (!this.#isLeft) this.#idle.refresh();
    }
  }

  /** Resolves when its file is closed. Harmless after its end. */
  async leave(): Promise<void> {
    this.#isLeft = true;
    clearTimeout(this.#idle);
    await this.#close();
  }

  #begin(item: StoredBytes, range: ByteRange | undefined): Opened {
    this.#principal.hold(item.heldBytes);
    try {
      const chunks = inChunks(item.stream(range));
      return { item, chunks, first: chunks.next() };
    } catch (error) {
      this.#principal.letGo(item.heldBytes);
      throw error;
    }
  }

  #park(): void {
    if (this.#underWay > 0) this.#idle.refresh();
    else void this.#close();
  }

  #resume(): Opened {
    const item = this.#isLeft ? undefined : this.#source.openBytes(this.#key);
    if (item?.version !== this.#version) {
      throw new DiskCacheError(
        'DISCONNECTED',
        `The value was replaced or deleted after nothing of its stream was read for ${IDLE_MS} ms; begin it again`,
      );
    }
    const start = (this.#range?.start ?? 0) + this.#read;
    this.#opened = this.#begin(item, { ...this.#range, start });
    return this.#opened;
  }

  async #close(): Promise<void> {
    const opened = this.#opened;
    this.#opened = undefined;
    if (opened === undefined) return;
    this.#principal.letGo(opened.item.heldBytes);
    opened.first?.catch(() => {});
    await Promise.allSettled([opened.chunks.return()]);
  }
}
