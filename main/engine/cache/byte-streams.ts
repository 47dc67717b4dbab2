import { ReadableStream } from 'node:stream/web';
import { TextEncoder } from 'node:util';
import { isUint8Array } from 'node:util/types';
import { DiskCacheError } from '../../../protocol/error.ts';
import type { Key } from '../../../protocol/key.ts';
import type { SetOptions } from '../../../protocol/options.ts';
import { type ByteRange, resolveByteRange } from '../../../protocol/value-stream.ts';
import { getPlainBytes, openSealedStream, sealChunks, toPlainMode } from '../sealing/sealed-values.ts';
import { estimateKeyBytes } from '../space/delete-row.ts';
import { computeItemCost, isLive, resolveExpiry } from '../space/policy.ts';
import { explainDamage } from '../space/store-files.ts';
import type { EntryRow, ValueRow } from '../sqlite/statements.ts';
import type { Core } from '../state/core.ts';
import { assertOptions, assertSetOptions, toTagColumn } from '../validate.ts';
import { ENCODING, SEALED_FLAG, toValueChecksum } from '../values/encoding.ts';
import { readFileAsStream, writeStreamToFile } from '../values/file-stream.ts';
import { encodeKey, type KeyColumn } from '../values/key.ts';
import { readValue, refreshIfChanged } from './read.ts';
import { recordHit, recordMiss } from './stats.ts';
import { commitWrite, upsert } from './write.ts';

export type { ByteRange } from '../../../protocol/value-stream.ts';

/** A value of bytes or text, as it was when it was opened. Nothing has to be closed. */
export interface StoredBytes {
  /** Bytes; for a text, those of its UTF-8. */
  readonly size: number;
  /** Changes with every set of the item and never repeats: a strong validator (RFC 9110 §8.8.1). */
  readonly version: string;
  /** Epoch milliseconds. */
  readonly storedAt: number;
  readonly isText: boolean;
  /** Bytes held in memory while this object is referenced: the value, if it is compressed or in the database; 0 if it is in a file. */
  readonly heldBytes: number;
  /**
   * Returns the bytes, or a part of them; memory holds one chunk of a large value. The stream fails with `CORRUPT` if they are damaged
   * (for a part, only the length of the whole is checked). It may also fail so if the item was replaced or deleted before its first byte
   * was read. It never gives bytes of another version.
   */
  stream(range?: ByteRange): ReadableStream<Uint8Array>;
}

/**
 * Returns size, version and bytes of a value of bytes or text; undefined without a live item. Counts as a read, as `get`.
 *
 * @throws {DiskCacheError} `BAD_VALUE` for a value that is neither bytes nor text.
 */
export function openBytes(core: Core, key: Key): StoredBytes | undefined {
  const column = encodeKey(key);
  const entry = readAndCount(core, column);
  if (entry === undefined) return undefined;
  const row = valueRow(entry);
  const [, mode, , rowCheck, bytes] = row;
  const check = toValueChecksum(rowCheck, column);
  const storedAt = entry[7];
  const inFile = isPlainFile(core, row);
  const loaded = inFile ? undefined : readBytes(core, column, row);
  return {
    size: loaded?.bytes.length ?? getPlainBytes(core, mode, bytes, inFile),
    version: `${(storedAt * TIMESTAMPS_PER_MS).toString(36)}-${check.toString(36)}`,
    storedAt: Math.floor(storedAt),
    isText: loaded?.isText ?? toPlainMode(mode) === ENCODING.text,
    heldBytes: loaded?.bytes.length ?? 0,
    stream: (range) => {
      const part = parseByteRange(range);
      return toReadableStream(loaded ? [sliceBytes(loaded.bytes, part)] : fileChunks(core, column, row, part, false));
    },
  };
}

/** Timestamps count in 1/4096 ms. */
const TIMESTAMPS_PER_MS = 4096;

/**
 * Returns the bytes of a value, or the UTF-8 bytes of a text, as a stream; memory holds one chunk of a large value. Undefined if there
 * is no live item. The stream gives the value of this moment, whatever is set while it is read.
 *
 * @throws {DiskCacheError} `BAD_VALUE` for a value that is neither bytes nor text, `BAD_OPTION`. A damaged file fails the stream
 * with `CORRUPT`.
 */
export function openReadStream(core: Core, key: Key, range?: ByteRange): ReadableStream<Uint8Array> | undefined {
  const part = parseByteRange(range);
  const column = encodeKey(key);
  const entry = readAndCount(core, column);
  if (entry === undefined) return undefined;
  const row = valueRow(entry);
  return toReadableStream(
    isPlainFile(core, row)
      ? fileChunks(core, column, row, part, true)
      : [sliceBytes(readBytes(core, column, row).bytes, part)],
  );
}

function readAndCount(core: Core, key: KeyColumn): EntryRow | undefined {
  refreshIfChanged(core);
  const row = readEntryRow(core, key);
  if (row === undefined) return recordMiss(core);
  recordHit(core, { id: row[0], accessedAt: 0, hits: 0 });
  return row;
}

function readEntryRow(core: Core, key: KeyColumn): EntryRow | undefined {
  const now = core.clock();
  const row = core.sql.entry.first(key);
  return row !== undefined && isLive(row[6], now) ? row : undefined;
}

function valueRow([id, mode, value, check, bytes, file, expiresAt]: EntryRow): ValueRow {
  return [id, mode, value, check, bytes, file, expiresAt];
}

/** Whether the file holds the bytes themselves: neither compressed nor encoded by a codec. */
function isPlainFile({ sealing }: Core, [, mode, , , , file]: ValueRow): boolean {
  const encoding = sealing === undefined ? mode : toPlainMode(mode);
  return file !== null && (encoding === ENCODING.bytes || encoding === ENCODING.text);
}

function readBytes(
  core: Core,
  key: KeyColumn,
  row: ValueRow,
): { readonly bytes: Uint8Array; readonly isText: boolean } {
  const value = readValue(core, key, row);
  if (isUint8Array(value)) return { bytes: value, isText: false };
  if (typeof value === 'string') return { bytes: new TextEncoder().encode(value), isText: true };
  throw new DiskCacheError('BAD_VALUE', 'The value is neither bytes nor text and can not be streamed; use get');
}

/** The content of a value file. */
export interface ValueFileStream {
  readonly form: 'bytes' | 'text';
  readonly size: number;
  readonly stream: AsyncGenerator<Uint8Array, void>;
}

/**
 * Returns the bytes of a value file that holds more than `minBytes` of plain bytes or text, without counting it as a read; undefined for every
 * other value. As long as its first byte isn't read, the file may be missing because the item was replaced.
 */
export function streamValueFile(
  core: Core,
  key: KeyColumn,
  row: ValueRow,
  minBytes: number,
): ValueFileStream | undefined {
  if (!isPlainFile(core, row)) return undefined;
  const [, mode, , , bytes] = row;
  const size = getPlainBytes(core, mode, bytes, true);
  if (size <= minBytes) return undefined;
  const range = { start: 0, end: Number.POSITIVE_INFINITY };
  return {
    form: toPlainMode(mode) === ENCODING.text ? 'text' : 'bytes',
    size,
    stream: fileChunks(core, key, row, range, false),
  };
}

const RANGE_OPTIONS: ReadonlySet<string> = new Set(['start', 'end']);
type FullRange = Required<ByteRange>;

const parseByteRange = (range: ByteRange | undefined): FullRange =>
  resolveByteRange(assertOptions(range, RANGE_OPTIONS));

const sliceBytes = (bytes: Uint8Array, { start, end }: FullRange): Uint8Array => bytes.subarray(start, end);

/** Reads a value file in chunks. If it is missing before its first byte was read, it was replaced, and the new file is read. */
async function* fileChunks(
  core: Core,
  key: KeyColumn,
  first: ValueRow,
  range: FullRange,
  follow: boolean,
): AsyncGenerator<Uint8Array, void> {
  for (let row: ValueRow | undefined = first; row !== undefined; ) {
    const [, mode, , check, bytes, file]: ValueRow = row;
    if (file === null || !isPlainFile(core, row)) {
      yield sliceBytes(readBytes(core, key, row).bytes, range);
      return;
    }
    let hasStarted = false;
    try {
      const expected = { mode, bytes, crc: toValueChecksum(check, key) };
      const read = (part: FullRange) => readFileAsStream(core.files, file, expected, part);
      const chunks = core.sealing === undefined ? read(range) : openSealedStream(core, key, expected, range, read);
      for await (const chunk of chunks) {
        hasStarted = true;
        yield chunk;
      }
      return;
    } catch (error) {
      const entry: EntryRow | undefined = hasStarted || !follow ? undefined : readEntryRow(core, key);
      if (entry === undefined || entry[5] === file) throw explainDamage(core, error);
      row = valueRow(entry);
    }
  }
}

/** Starts reading at once, so that the file is open before a writer can delete it. */
function toReadableStream(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): ReadableStream<Uint8Array> {
  const iterator = Symbol.asyncIterator in chunks ? chunks[Symbol.asyncIterator]() : chunks[Symbol.iterator]();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await iterator.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await iterator.return?.();
    },
  });
}

/**
 * Stores the bytes of a stream. The item appears whole when the stream has ended, or not at all.
 *
 * @throws {DiskCacheError} `BAD_VALUE` for a chunk that is not a `Uint8Array`, `TOO_LARGE`, `CLOSED` if the store was closed before
 * the end; errors of the stream pass through.
 */
export async function writeStream(
  open: () => Core,
  key: Key,
  chunks: AsyncIterable<Uint8Array>,
  options?: SetOptions,
): Promise<void> {
  const initialCore = open();
  const { files, settings, clock } = initialCore;
  const column = encodeKey(key);
  const { tag, ...expiryOptions } = assertSetOptions(options);
  const tagValue = tag === undefined ? null : toTagColumn(tag);
  resolveExpiry(clock(), expiryOptions, undefined);
  if (typeof Object(chunks)[Symbol.asyncIterator] !== 'function') {
    throw new DiskCacheError('BAD_VALUE', 'writeStream takes a ReadableStream or another async iterable of Uint8Array');
  }
  const overhead = computeItemCost(estimateKeyBytes(column), 0);
  const maxBytes = initialCore.space.getMaxItemBytes(initialCore) - overhead;
  const { sealing } = initialCore;
  const sealed = sealing === undefined ? chunks : sealChunks(initialCore, column, ENCODING.bytes, chunks);
  const staged = await writeStreamToFile(files, sealed, {
    mode: ENCODING.bytes + (sealing === undefined ? 0 : SEALED_FLAG),
    maxBytes,
    durability: settings.durability,
  });
  let core: Core;
  try {
    core = open();
  } catch (error) {
    files.discard(staged);
    throw error;
  }
  const now = core.clock();
  const { mode, bytes, crc } = staged;
  const expiry = resolveExpiry(now, expiryOptions, core.settings.ttl);
  const item = {
    key: column,
    mode,
    data: null,
    bytes,
    check: crc,
    staged,
    cost: overhead + bytes,
    expiresAt: expiry,
    tag: tagValue,
  };
  commitWrite(core, item, () => upsert(core, item, now));
}
