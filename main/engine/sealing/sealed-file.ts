import type { KeyObject } from 'node:crypto';
import { HEADER_BYTES, openBytes, SealBroken, type Sealer, sealBytes, TAG_BYTES, toChunkNonce } from './sealer.ts';

/*
 * A sealed file: the header of `sealer.ts`, then chunks. Each file has a key of its own; the nonce of a chunk is its number and whether it is
 * the last one (the STREAM construction: Hoang, Reyhanitabar, Rogaway and Vizár, 2015). So chunks that are missing, exchanged, or cut off at
 * the end are noticed, and a part of a file is read without the rest.
 */

/** Plain bytes of every chunk but the last, which has fewer, or as many. On disk. */
const CHUNK_BYTES = 64 * 1024;
const SEALED_CHUNK_BYTES = CHUNK_BYTES + TAG_BYTES;

/** Returns how many bytes a file with this many plain bytes has. */
export const getSealedFileBytes = (plainBytes: number): number =>
  HEADER_BYTES + plainBytes + TAG_BYTES * Math.max(1, Math.ceil(plainBytes / CHUNK_BYTES));

/** Returns how many plain bytes are in a file of this size. @throws {SealBroken} for a size that no sealed file has. */
export function getPlainFileBytes(sealedBytes: number): number {
  const plainBytes = sealedBytes - HEADER_BYTES - TAG_BYTES * countChunks(sealedBytes);
  if (plainBytes < 0 || getSealedFileBytes(plainBytes) !== sealedBytes)
    throw new SealBroken(`no sealed file has ${sealedBytes} bytes`);
  return plainBytes;
}

const countChunks = (sealedBytes: number): number => Math.ceil((sealedBytes - HEADER_BYTES) / SEALED_CHUNK_BYTES);

/** Seals a file piece by piece; memory holds a chunk. */
class FileSealer {
  readonly header: Buffer;
  readonly #key: KeyObject;
  readonly #associated: Uint8Array;
  readonly #chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  #filled = 0;
  #index = 0;

  constructor(sealer: Sealer, associated: Uint8Array) {
    ({ header: this.header, key: this.#key } = sealer.beginFile());
    this.#associated = associated;
  }

  *add(bytes: Uint8Array): Generator<Buffer, void> {
    for (let at = 0; at < bytes.length; ) {
      // A full chunk waits for the next byte: until then it may be the last one.
      if (this.#filled === CHUNK_BYTES) yield this.seal(false);
      const part = bytes.subarray(at, at + CHUNK_BYTES - this.#filled);
      this.#chunk.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
    }
  }

  /** Seals what was added since the last chunk. */
  seal(isLast: boolean): Buffer {
    const plain = this.#chunk.subarray(0, this.#filled);
    this.#filled = 0;
    return sealBytes(this.#key, toChunkNonce(this.#index++, isLast), this.#associated, plain);
  }
}

/** Returns the bytes of a whole file. */
export function sealFile(sealer: Sealer, plain: Uint8Array, associated: Uint8Array): Buffer {
  const file = new FileSealer(sealer, associated);
  return Buffer.concat([file.header, ...file.add(plain), file.seal(true)]);
}

/** Yields the bytes of a file of a stream. What isn't bytes is passed on, for the writer to refuse. */
export async function* sealStream(
  sealer: Sealer,
  chunks: AsyncIterable<Uint8Array>,
  associated: Uint8Array,
  isBytes: (chunk: unknown) => boolean,
): AsyncGenerator<Uint8Array, void> {
  const file = new FileSealer(sealer, associated);
  yield file.header;
  for await (const chunk of chunks) {
    if (isBytes(chunk)) yield* file.add(chunk);
    else yield chunk;
  }
  yield file.seal(true);
}

/** Opens the chunks of a file of a known size. */
class FileOpener {
  readonly #key: KeyObject;
  readonly #associated: Uint8Array;
  readonly #count: number;

  constructor(sealer: Sealer, header: Uint8Array, associated: Uint8Array, sealedBytes: number) {
    this.#key = sealer.findFileKey(header);
    this.#associated = associated;
    this.#count = countChunks(sealedBytes);
  }

  /** @throws {SealBroken} */
  open(index: number, sealed: Buffer): Buffer {
    return openBytes(this.#key, toChunkNonce(index, index === this.#count - 1), this.#associated, sealed);
  }
}

/** Returns the plain bytes of a whole file, in memory of their own. @throws {SealBroken} */
export function openFile(sealer: Sealer, sealed: Uint8Array, associated: Uint8Array): Uint8Array {
  const plain = Buffer.allocUnsafeSlow(getPlainFileBytes(sealed.length));
  const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.length);
  const file = new FileOpener(sealer, bytes.subarray(0, HEADER_BYTES), associated, sealed.length);
  for (let index = 0, at = HEADER_BYTES; at < bytes.length; index++, at += SEALED_CHUNK_BYTES)
    file.open(index, bytes.subarray(at, at + SEALED_CHUNK_BYTES)).copy(plain, index * CHUNK_BYTES);
  return new Uint8Array(plain.buffer);
}

/** Checks a file that comes in pieces; memory holds a chunk. Returns a function that takes the pieces in order. */
export function createFileCheck(
  sealer: Sealer,
  sealedBytes: number,
  associated: Uint8Array,
): (piece: Uint8Array) => void {
  getPlainFileBytes(sealedBytes);
  const pieces = new Regrouping(HEADER_BYTES, SEALED_CHUNK_BYTES);
  let file: FileOpener | undefined;
  let index = 0;
  let received = 0;
  return (piece) => {
    received += piece.length;
    for (const part of pieces.add(piece, received === sealedBytes)) {
      if (file === undefined) file = new FileOpener(sealer, part, associated, sealedBytes);
      else file.open(index++, part);
    }
  };
}

/** The bytes from `start` (inclusive) to `end` (exclusive). */
interface Part {
  readonly start: number;
  readonly end: number;
}

/**
 * Yields plain bytes of a file. `read` reads a part of the sealed file. For a part of the plain bytes, the chunks that hold it are read, and
 * the last one, which shows that nothing was cut off.
 *
 * @throws {SealBroken}
 */
export async function* openStream(
  sealer: Sealer,
  sealedBytes: number,
  associated: Uint8Array,
  { start, end }: Part,
  read: (part: Part) => AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void> {
  const plainBytes = getPlainFileBytes(sealedBytes);
  const last = Math.min(end, plainBytes);
  if (start === 0 && last === plainBytes) {
    let file: FileOpener | undefined;
    let index = 0;
    for await (const part of regroup(read({ start: 0, end: sealedBytes }), HEADER_BYTES)) {
      if (file === undefined) file = new FileOpener(sealer, part, associated, sealedBytes);
      else yield toPlain(file.open(index++, part));
    }
    return;
  }
  const header = await readAll(read({ start: 0, end: HEADER_BYTES }));
  const file = new FileOpener(sealer, header, associated, sealedBytes);
  const lastIndex = countChunks(sealedBytes) - 1;
  const lastPart = await readAll(read({ start: getChunkStart(lastIndex), end: sealedBytes }));
  const lastChunk = file.open(lastIndex, lastPart);
  if (start >= last) return;
  const endIndex = Math.ceil(last / CHUNK_BYTES);
  let index = Math.floor(start / CHUNK_BYTES);
  const cut = (chunk: Buffer): Uint8Array => {
    const offset = index * CHUNK_BYTES;
    return toPlain(chunk.subarray(Math.max(0, start - offset), last - offset));
  };
  const beforeLast = { start: getChunkStart(index), end: getChunkStart(Math.min(endIndex, lastIndex)) };
  if (beforeLast.start < beforeLast.end) {
    for await (const part of regroup(read(beforeLast), 0)) {
      yield cut(file.open(index, part));
      index++;
    }
  }
  if (index === lastIndex && index < endIndex) yield cut(lastChunk);
}

const getChunkStart = (index: number): number => HEADER_BYTES + index * SEALED_CHUNK_BYTES;

/** Plain bytes with memory of their own: the reader may transfer it. */
const toPlain = (bytes: Buffer): Uint8Array => new Uint8Array(bytes);

async function readAll(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}

/** Yields a piece of `first` bytes unless that is 0, then sealed chunks; the last one may be shorter. */
async function* regroup(pieces: AsyncIterable<Uint8Array>, first: number): AsyncGenerator<Buffer, void> {
  const regrouping = new Regrouping(first, SEALED_CHUNK_BYTES);
  for await (const piece of pieces) yield* regrouping.add(piece, false);
  yield* regrouping.add(new Uint8Array(0), true);
}

/** Cuts pieces of any size into one of `first` bytes and then others of `size` bytes. */
class Regrouping {
  #wanted: number;
  readonly #size: number;
  #pending: Uint8Array[] = [];
  #bytes = 0;

  constructor(first: number, size: number) {
    this.#wanted = first === 0 ? size : first;
    this.#size = size;
  }

  /** `isEnd`: what is left comes as the last piece. */
  *add(piece: Uint8Array, isEnd: boolean): Generator<Buffer, void> {
    this.#pending.push(piece);
    this.#bytes += piece.length;
    if (this.#bytes < this.#wanted && !isEnd) return;
    const all = Buffer.concat(this.#pending);
    let at = 0;
    while (all.length - at >= this.#wanted) {
      yield all.subarray(at, at + this.#wanted);
      at += this.#wanted;
      this.#wanted = this.#size;
    }
    this.#pending = [all.subarray(at)];
    this.#bytes = all.length - at;
    if (isEnd && this.#bytes > 0) yield all.subarray(at);
  }
}
