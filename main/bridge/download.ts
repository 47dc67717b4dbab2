import { DiskCacheError } from '../../protocol/error.ts';
import type { Key } from '../../protocol/key.ts';
import { CHUNKS_AHEAD } from '../../protocol/value-stream.ts';
import type { ByteRange, CacheFace, StoredBytes } from '../engine/index.ts';
import { inChunks } from './chunks.ts';

type Source = Pick<CacheFace, 'openBytes'>;

/** A value that a page reads chunk by chunk. Memory holds the chunks under way. */
export class Download {
  readonly item: StoredBytes;
  readonly #chunks: AsyncGenerator<Uint8Array, void>;
  #first: Promise<IteratorResult<Uint8Array, void>> | undefined;
  #underWay = 0;

  private constructor(item: StoredBytes, range: ByteRange | undefined) {
    this.item = item;
    this.#chunks = inChunks(item.stream(range));
    this.#first = this.#chunks.next();
  }

  /**
   * Resolves when the first chunk was read, from when on nobody can take the value away; undefined when there is no live item. An
   * item that was replaced before that is opened again.
   *
   * @throws {DiskCacheError} `BAD_VALUE`, `BAD_OPTION`, `CORRUPT`.
   */
  static async open(source: Source, key: Key, range: ByteRange | undefined): Promise<Download | undefined> {
    for (let item = source.openBytes(key); item !== undefined; ) {
      const download = new Download(item, range);
      try {
        await download.#first;
        return download;
      } catch (error) {
        const now = source.openBytes(key);
        if (now?.version === item.version) throw error;
        item = now;
      }
    }
    return undefined;
  }

  /** @throws {DiskCacheError} `BUSY` for more chunks than may be under way; `CORRUPT`. */
  async next(): Promise<Uint8Array | undefined> {
    if (this.#underWay === CHUNKS_AHEAD) {
      throw new DiskCacheError('BUSY', `${CHUNKS_AHEAD} chunks of this stream are under way; wait for an answer`);
    }
    this.#underWay++;
    try {
      const read = this.#first ?? this.#chunks.next();
      this.#first = undefined;
      const { done, value } = await read;
      return done ? undefined : value;
    } finally {
      this.#underWay--;
    }
  }

  /** Resolves when its file is closed. Harmless after its end. */
  async leave(): Promise<void> {
    await Promise.allSettled([this.#chunks.return()]);
  }
}
