import { isUint8Array } from 'node:util/types';
import { DiskCacheError } from '../../../protocol/error.ts';
import type { Core } from '../state/core.ts';
import type { Encoded } from '../values/codec.ts';
import { checksum, ENCODING, isTextEncoding, SEALED_FLAG, type Stored, ZSTD_FLAG } from '../values/encoding.ts';
import { readFileInChunks } from '../values/file-io.ts';
import type { ExpectedFile } from '../values/file-store.ts';
import type { KeyColumn } from '../values/key.ts';
import {
  createFileCheck,
  getPlainFileBytes,
  getSealedFileBytes,
  openFile,
  openStream,
  sealFile,
  sealStream,
} from './sealed-file.ts';
import { OVERHEAD_BYTES, SealBroken, UnknownKey } from './sealer.ts';
import type { Sealing } from './sealing.ts';

/* Values of a sealed store, as rows and files hold them. Only for stores with `core.sealing`. */

const isSealedMode = (mode: number): boolean => mode >= SEALED_FLAG;

/** Returns the mode of the value that is sealed. */
export const toPlainMode = (mode: number): number => (isSealedMode(mode) ? mode - SEALED_FLAG : mode);

/**
 * What a value is bound to besides its store: its mode and its key, so that a value can't be put under another key. The items of a deque change
 * their positions, so they aren't bound to them.
 */
export function getAssociatedData({ kind }: Core, key: KeyColumn, mode: number): Uint8Array {
  const text = String.fromCharCode(toPlainMode(mode));
  if (kind === 'deque') return Buffer.from(`${text}d`);
  if (typeof key === 'string') return Buffer.from(`${text}t${key}`);
  if (typeof key === 'number') return Buffer.from(`${text}n${key}`);
  return Buffer.concat([Buffer.from(`${text}b`), key ?? []]);
}

/** Returns how many bytes an encoded value takes when it is sealed. */
export const getSealedBytes = (bytes: number, inFile: boolean): number =>
  inFile ? getSealedFileBytes(bytes) : bytes + OVERHEAD_BYTES;

/** Seals an encoded value, for a row or for a file. */
export function sealEncoded(core: Core, key: KeyColumn, { mode, data }: Encoded, inFile: boolean): Encoded {
  const { sealer } = core.sealing!;
  const associated = getAssociatedData(core, key, mode);
  const plain = toBytes(data);
  const sealed = inFile ? sealFile(sealer, plain, associated) : sealer.seal(plain, associated);
  const sealedMode = mode + SEALED_FLAG;
  return { mode: sealedMode, data: sealed, bytes: sealed.length, check: checksum(sealedMode, sealed) };
}

/** Yields a stream's bytes as they are in a file. */
export const sealChunks = (
  core: Core,
  key: KeyColumn,
  mode: number,
  chunks: AsyncIterable<Uint8Array>,
): AsyncIterable<Uint8Array> =>
  sealStream(core.sealing!.sealer, chunks, getAssociatedData(core, key, mode), isUint8Array);

/** A value as the column of an unsealed store holds it. */
export interface PlainValue {
  readonly mode: number;
  readonly data: Stored;
}

/**
 * Opens a value from a row, from the journal or, with `inFile`, from a file.
 *
 * @throws {DiskCacheError} `CORRUPT` if it was changed or belongs to another key or store; `WRONG_KEY` if another process has begun to seal the
 * store with a key that this one doesn't have.
 */
export function openSealed(core: Core, key: KeyColumn, mode: number, data: Stored, inFile = false): PlainValue {
  const sealing = core.sealing!;
  if (!isSealedMode(mode)) {
    assertMayBePlain(sealing);
    return { mode, data };
  }
  if (typeof data !== 'object') throw brokenSealError(new SealBroken(`they are a ${typeof data}`));
  const associated = getAssociatedData(core, key, mode);
  const plain = translateErrors(core, () =>
    inFile ? openFile(sealing.sealer, data, associated) : sealing.sealer.open(data, associated),
  );
  return { mode: mode - SEALED_FLAG, data: inFile ? plain : toColumn(mode - SEALED_FLAG, plain) };
}

/** Same for a part of a file, in chunks. */
export async function* openSealedStream(
  core: Core,
  key: KeyColumn,
  { mode, bytes }: ExpectedFile,
  range: { readonly start: number; readonly end: number },
  read: (range: { readonly start: number; readonly end: number }) => AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void> {
  const sealing = core.sealing!;
  if (!isSealedMode(mode)) {
    assertMayBePlain(sealing);
    yield* read(range);
    return;
  }
  try {
    yield* openStream(sealing.sealer, bytes, getAssociatedData(core, key, mode), range, read);
  } catch (error) {
    throw toSealError(core, error);
  }
}

/** Checks the content of a value file; memory holds a chunk. @throws {DiskCacheError} `CORRUPT` with the path. */
export function verifySealedFile(core: Core, key: KeyColumn, { mode, bytes }: ExpectedFile, path: string): void {
  const sealing = core.sealing!;
  if (!isSealedMode(mode)) {
    assertMayBePlain(sealing);
    return;
  }
  const associated = getAssociatedData(core, key, mode);
  const check = translateErrors(core, () => createFileCheck(sealing.sealer, bytes, associated));
  readFileInChunks(path, bytes, (piece) => translateErrors(core, () => check(piece)));
}

/**
 * Returns the size of an encoded value before it was sealed.
 *
 * @throws {DiskCacheError} `CORRUPT` for a size that no sealed file has.
 */
export function getPlainBytes(core: Core, mode: number, bytes: number, inFile: boolean): number {
  if (core.sealing === undefined || !isSealedMode(mode)) return bytes;
  return inFile ? translateErrors(core, () => getPlainFileBytes(bytes)) : bytes - OVERHEAD_BYTES;
}

function translateErrors<T>(core: Core, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw toSealError(core, error);
  }
}

function toSealError({ sealing, sql, directory }: Core, error: unknown): unknown {
  if (!(error instanceof SealBroken)) return error;
  if (error instanceof UnknownKey && sealing!.hasChangedKeys(sql, error.keyId)) {
    return new DiskCacheError(
      'WRONG_KEY',
      `${directory} is being sealed with another key by another process; close it, and open it with that one as encryptionKey and yours as previousEncryptionKey`,
    );
  }
  return brokenSealError(error);
}

const brokenSealError = (cause: SealBroken): DiskCacheError =>
  new DiskCacheError(
    'CORRUPT',
    `The sealed bytes of the value can't be opened: ${cause.message}; set it again, or run check({ repair: true })`,
    { cause },
  );

/** @throws {DiskCacheError} `CORRUPT` */
function assertMayBePlain({ acceptsPlain }: Sealing): void {
  if (acceptsPlain) return;
  throw new DiskCacheError(
    'CORRUPT',
    'The stored value is not sealed, but its store is: it was put there by another program; set it again, or run check({ repair: true })',
  );
}

const number = new Float64Array(1);
const numberBytes = new Uint8Array(number.buffer);

export function toBytes(data: Stored): Uint8Array {
  if (typeof data === 'string') return Buffer.from(data);
  if (typeof data === 'object') return data;
  number[0] = data;
  return numberBytes;
}

function toColumn(mode: number, plain: Uint8Array): Stored {
  if (mode >= ZSTD_FLAG) return plain;
  if (isTextEncoding(mode)) return Buffer.from(plain.buffer, plain.byteOffset, plain.length).toString();
  if (mode !== ENCODING.number || plain.length !== numberBytes.length) return plain;
  numberBytes.set(plain);
  return number[0]!;
}
