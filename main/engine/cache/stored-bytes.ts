import { ReadableStream } from 'node:stream/web';
import { type ByteRange, fullRange } from '../../../protocol/byte-range.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import type { Key } from '../../../protocol/key.ts';
import { isLive } from '../policy/expiry.ts';
import type { FactsRow, ValueRow } from '../sqlite/statements.ts';
import { streamOut } from '../values/file-stream.ts';
import { encodeKey, type KeyColumn } from '../values/key.ts';
import { MODE } from '../values/mode.ts';
import { toValueCheck } from '../values/row-check.ts';
import { optionsOf } from './arguments.ts';
import type { Core } from './core.ts';
import { noticeOthers } from './others.ts';
import { readValue } from './read.ts';
import { explainDamage } from './standing.ts';
import { hit, miss } from './uses.ts';

export type { ByteRange } from '../../../protocol/byte-range.ts';

/** A value of bytes or text, as it was when it was opened. Nothing has to be closed. */
export interface StoredBytes {
  /** Bytes; of a text those of its UTF-8. */
  readonly size: number;
  /** Another one after every set of the item, and never the same again: a strong validator in the sense of RFC 9110 §8.8.1. */
  readonly version: string;
  /** Epoch milliseconds. */
  readonly storedAt: number;
  readonly isText: boolean;
  /** Bytes in memory while this is referred to: those of a value that is compressed, or part of the database; 0 for one in a file. */
  readonly heldBytes: number;
  /**
   * The bytes, or some of them; memory holds one chunk of a large value. Fails with `CORRUPT` where they are damaged (of a part
   * only the length of the whole is checked), and may fail so where the item was replaced or deleted before the first byte was
   * read; never gives those of another version.
   */
  stream(range?: ByteRange): ReadableStream<Uint8Array>;
}

/**
 * What is known of a value of bytes or text, and the way to its bytes; undefined when there is no live item. A read as `get` is.
 *
 * @throws {DiskCacheError} `BAD_VALUE` for a value that is neither bytes nor text.
 */
export function openBytes(core: Core, key: Key): StoredBytes | undefined {
  const column = encodeKey(key);
  const facts = read(core, column);
  if (facts === undefined) return undefined;
  const row = valueRow(facts);
  const [, mode, , rowCheck, bytes] = row;
  const check = toValueCheck(rowCheck, column);
  const storedAt = facts[7];
  const inFile = isPlainFile(row);
  const loaded = inFile ? undefined : bytesOf(core, column, row);
  return {
    size: loaded?.bytes.length ?? bytes,
    version: `${(storedAt * STAMPS_PER_MS).toString(36)}-${check.toString(36)}`,
    storedAt: Math.floor(storedAt),
    isText: loaded?.isText ?? mode === MODE.text,
    heldBytes: loaded?.bytes.length ?? 0,
    stream: (range) => {
      const part = rangeOf(range);
      return streamOf(loaded ? [cut(loaded.bytes, part)] : fileChunks(core, column, row, part, false));
    },
  };
}

/** A stamp counts in 1/4096 of a millisecond. */
const STAMPS_PER_MS = 4096;

/**
 * The bytes of a value, or the UTF-8 bytes of a text, as a stream; memory holds one chunk of a large one. Undefined when there
 * is no live item. What is read is the value of now, whatever is set while it is read.
 *
 * @throws {DiskCacheError} `BAD_VALUE` for a value that is neither bytes nor text, `BAD_OPTION`. A damaged file fails the stream
 * with `CORRUPT`.
 */
export function openReadStream(core: Core, key: Key, range?: ByteRange): ReadableStream<Uint8Array> | undefined {
  const part = rangeOf(range);
  const column = encodeKey(key);
  const facts = read(core, column);
  if (facts === undefined) return undefined;
  const row = valueRow(facts);
  return streamOf(
    isPlainFile(row) ? fileChunks(core, column, row, part, true) : [cut(bytesOf(core, column, row).bytes, part)],
  );
}

function read(core: Core, key: KeyColumn): FactsRow | undefined {
  noticeOthers(core);
  const facts = liveFacts(core, key);
  if (facts === undefined) return miss(core);
  hit(core, { id: facts[0], at: 0, hits: 0 });
  return facts;
}

function liveFacts(core: Core, key: KeyColumn): FactsRow | undefined {
  const now = core.clock();
  const facts = core.sql.facts.first(key);
  return facts !== undefined && isLive(facts[6], now) ? facts : undefined;
}

function valueRow([id, mode, value, check, bytes, file, expiresAt]: FactsRow): ValueRow {
  return [id, mode, value, check, bytes, file, expiresAt];
}

/** A file that holds the very bytes: neither compressed nor made by a codec. */
const isPlainFile = ([, mode, , , , file]: ValueRow): boolean =>
  file !== null && (mode === MODE.bytes || mode === MODE.text);

function bytesOf(core: Core, key: KeyColumn, row: ValueRow): { readonly bytes: Uint8Array; readonly isText: boolean } {
  const value = readValue(core, key, row);
  if (value instanceof Uint8Array) return { bytes: value, isText: false };
  if (typeof value === 'string') return { bytes: new TextEncoder().encode(value), isText: true };
  throw new DiskCacheError('BAD_VALUE', 'The value is neither bytes nor text and can not be streamed; use get');
}

const RANGE_OPTIONS: ReadonlySet<string> = new Set(['start', 'end']);
type Part = Required<ByteRange>;

const rangeOf = (range: ByteRange | undefined): Part => fullRange(optionsOf(range, RANGE_OPTIONS));

const cut = (bytes: Uint8Array, { start, end }: Part): Uint8Array => bytes.subarray(start, end);

/** A file that is gone before its first byte was read has been replaced: with `follow` the one that took its place is read. */
async function* fileChunks(
  core: Core,
  key: KeyColumn,
  first: ValueRow,
  part: Part,
  follow: boolean,
): AsyncGenerator<Uint8Array, void> {
  for (let row: ValueRow | undefined = first; row !== undefined; ) {
    const [, mode, , check, bytes, file]: ValueRow = row;
    if (file === null || !isPlainFile(row)) {
      yield cut(bytesOf(core, key, row).bytes, part);
      return;
    }
    let begun = false;
    try {
      for await (const chunk of streamOut(core.files, file, { mode, bytes, check: toValueCheck(check, key) }, part)) {
        begun = true;
        yield chunk;
      }
      return;
    } catch (error) {
      const facts: FactsRow | undefined = begun || !follow ? undefined : liveFacts(core, key);
      if (facts === undefined || facts[5] === file) throw explainDamage(core, error);
      row = valueRow(facts);
    }
  }
}

/** Begins to read at once, so that the file is open before anybody can delete it. */
function streamOf(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): ReadableStream<Uint8Array> {
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
