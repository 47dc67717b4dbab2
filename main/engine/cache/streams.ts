import { DiskCacheError } from '../../../protocol/error.ts';
import type { Key } from '../../../protocol/key.ts';
import type { SetOptions } from '../../../protocol/options.ts';
import { costOf } from '../policy/budget.ts';
import { expiresAt } from '../policy/expiry.ts';
import { streamIn } from '../values/file-stream.ts';
import { encodeKey } from '../values/key.ts';
import { MODE } from '../values/mode.ts';
import { setOptionsOf, tagColumn } from './arguments.ts';
import type { Core } from './core.ts';
import { keyBytes } from './drop.ts';
import { place, using } from './item.ts';
import { capacityOf } from './room.ts';

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
