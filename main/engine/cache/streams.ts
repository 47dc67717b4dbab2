import { ReadableStream } from 'node:stream/web';
import { DiskCacheError } from '../../../protocol/error.ts';
import type { Key } from '../../../protocol/key.ts';
import type { SetOptions } from '../../../protocol/options.ts';
import { costOf } from '../policy/budget.ts';
import { expiresAt, isLive } from '../policy/expiry.ts';
import type { ValueRow } from '../sqlite/statements.ts';
import { streamIn, streamOut } from '../values/file-stream.ts';
import { encodeKey, type KeyColumn } from '../values/key.ts';
import { MODE } from '../values/mode.ts';
import { setOptionsOf, tagColumn } from './arguments.ts';
import type { Core } from './core.ts';
import { keyBytes } from './drop.ts';
import { place, using } from './item.ts';
import { noticeOthers } from './others.ts';
import { readValue } from './read.ts';
import { capacityOf } from './room.ts';

/**
 * The bytes of a value, or the UTF-8 bytes of a text, as a stream; memory holds one chunk of a large one. Undefined when there
 * is no live item. What is read is the value of now, whatever is set while it is read.
 *
 * @throws {DiskCacheError} `BAD_VALUE` for a value that is neither bytes nor text. A damaged file fails the stream with `CORRUPT`.
 */
export function openReadStream(core: Core, key: Key): ReadableStream<Uint8Array> | undefined {
  const column = encodeKey(key);
  const row = liveRow(core, column);
  if (row === undefined) return undefined;
  const chunks =
    row[1] === MODE.bytes && row[5] !== null ? fileChunks(core, column, row) : [bytesOf(core, column, row)];
  return streamOf(chunks);
}

/**
 * Stores what a stream brings as bytes. The item appears whole when the stream has ended, or not at all.
 *
 * @throws {DiskCacheError} `BAD_VALUE` for a chunk that is no `Uint8Array`, `TOO_LARGE`, `CLOSED` when the store was closed
 * meanwhile; what the stream throws passes through.
 */
export async function writeStream(
  open: () => Core,
  key: Key,
  chunks: AsyncIterable<Uint8Array>,
  options?: SetOptions,
): Promise<void> {
  const begun = open();
  const { files, settings, clock } = begun;
  const column = encodeKey(key);
  const { ttl, tag } = setOptionsOf(options);
  const tagged = tag === undefined ? null : tagColumn(tag);
  expiresAt(clock(), ttl);
  if (typeof Object(chunks)[Symbol.asyncIterator] !== 'function') {
    throw new DiskCacheError('BAD_VALUE', 'writeStream takes a ReadableStream or another async iterable of Uint8Array');
  }
  const overhead = costOf(keyBytes(column), 0);
  const mostBytes = capacityOf(begun) - overhead;
  const staged = await streamIn(files, chunks, { mode: MODE.bytes, mostBytes, durability: settings.durability });
  let core: Core;
  try {
    core = open();
  } catch (error) {
    files.discard(staged);
    throw error;
  }
  const now = core.clock();
  const { mode, bytes, check } = staged;
  const expiry = expiresAt(now, ttl ?? core.settings.ttl);
  const item = {
    key: column,
    mode,
    data: null,
    bytes,
    check,
    staged,
    cost: overhead + bytes,
    expiresAt: expiry,
    tag: tagged,
  };
  using(core, item, () => place(core, item, now));
}

function liveRow(core: Core, key: KeyColumn): ValueRow | undefined {
  noticeOthers(core);
  const row = core.sql.read.first(key);
  return row !== undefined && isLive(row[6], core.clock()) ? row : undefined;
}

function bytesOf(core: Core, key: KeyColumn, row: ValueRow): Uint8Array {
  const value = readValue(core, key, row);
  if (value instanceof Uint8Array) return value;
  if (typeof value === 'string') return new Uint8Array(Buffer.from(value));
  throw new DiskCacheError('BAD_VALUE', 'The value is neither bytes nor text and can not be streamed; use get');
}

/** A file that is gone before its first byte was read has been replaced: the one that took its place is read. */
async function* fileChunks(core: Core, key: KeyColumn, first: ValueRow): AsyncGenerator<Uint8Array, void> {
  for (let row: ValueRow | undefined = first; row !== undefined; ) {
    const [, mode, , check, bytes, file]: ValueRow = row;
    if (file === null || mode !== MODE.bytes) {
      yield bytesOf(core, key, row);
      return;
    }
    let begun = false;
    try {
      for await (const chunk of streamOut(core.files, file, { mode, bytes, check })) {
        begun = true;
        yield chunk;
      }
      return;
    } catch (error) {
      row = begun ? undefined : liveRow(core, key);
      if (row === undefined || row[5] === file) throw error;
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
