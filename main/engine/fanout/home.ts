import type { Key } from '../../../protocol/key.ts';
import { checkOf } from '../values/check.ts';
import { encodeKey, type KeyColumn } from '../values/key.ts';

/*
 * Which shard an item lives in. On disk: never changes; `test/fanout/home.test.ts` holds vectors.
 */

/** Numbers in this range count the items of queues (see `cache/queue.ts`). */
const LEAST_QUEUE_NUMBER = 400_000_000_000_000;
const MOST_QUEUE_NUMBER = 600_000_000_000_000;

/** The queue without a name. */
const NAMELESS: Key = [];

/**
 * The shard of a key, from 0 to `shards` − 1. Keys that look like those of one queue live together, for a queue's order is that
 * of one shard. O(size of the key).
 *
 * @throws {DiskCacheError} `BAD_KEY`.
 */
export function homeOf(key: Key, shards: number): number {
  if (typeof key === 'string') return portion(hashOf(encodeKey(key)), shards);
  if (isQueueNumber(key)) return homeOfQueue(undefined, shards);
  if (Array.isArray(key) && isQueueNumber(key.at(-1))) return homeOfQueue(key.slice(0, -1), shards);
  return portion(hashOf(encodeKey(key)), shards);
}

/** The shard of a queue and all its items. */
export function homeOfQueue(prefix: Key | undefined, shards: number): number {
  const name = prefix === undefined || prefix === null ? NAMELESS : Array.isArray(prefix) ? prefix : [prefix];
  return portion(hashOf(encodeKey(name)), shards);
}

/**
 * CRC-32 (ISO 3309) of the column's bytes (UTF-8 of a text, 8 bytes little-endian of a number), mixed by the finalizer of
 * MurmurHash3 (Austin Appleby, public domain): a CRC alone is linear, and short decimal strings would fall into few shards.
 */
export function hashOf(column: KeyColumn): number {
  let hash = checkOf(0, column);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Cuts the 32 bits into equal stretches; exact in a double. */
const portion = (hash: number, shards: number): number => Math.floor((hash * shards) / 2 ** 32);

const isQueueNumber = (part: unknown): boolean =>
  typeof part === 'number' && part >= LEAST_QUEUE_NUMBER && part <= MOST_QUEUE_NUMBER;
