import type { Key } from '../../../protocol/key.ts';
import { checksum } from '../values/encoding.ts';
import { encodeKey, isArrayKey, type KeyColumn } from '../values/key.ts';

/*
 * Computes the shard of an item. On disk: never changes; `test/fanout/shard-routing.test.ts` holds vectors.
 */

/** Numbers in this range count the items of queues (see `cache/push-pull.ts`). */
const MIN_QUEUE_NUMBER = 400_000_000_000_000;
const MAX_QUEUE_NUMBER = 600_000_000_000_000;

/** Stands for the queue without a prefix. */
const UNNAMED_QUEUE: Key = [];

/**
 * Returns the shard of a key, from 0 to `shards` − 1. Keys that look like those of one queue are in one shard, which keeps the order
 * of the queue. O(size of the key).
 *
 * @throws {DiskCacheError} `BAD_KEY`.
 */
export function getShardIndex(key: Key, shards: number): number {
  if (typeof key === 'string') return toShardIndex(hashColumn(encodeKey(key)), shards);
  if (isQueueNumber(key)) return getQueueShardIndex(undefined, shards);
  if (isArrayKey(key) && isQueueNumber(key.at(-1))) return getQueueShardIndex(key.slice(0, -1), shards);
  return toShardIndex(hashColumn(encodeKey(key)), shards);
}

/** Returns the shard of a queue and all its items. */
export function getQueueShardIndex(prefix: Key | undefined, shards: number): number {
  const name = prefix === undefined || prefix === null ? UNNAMED_QUEUE : isArrayKey(prefix) ? prefix : [prefix];
  return toShardIndex(hashColumn(encodeKey(name)), shards);
}

/**
 * CRC-32 (ISO 3309) of the column's bytes (UTF-8 of a text, 8 bytes little-endian of a number), mixed by the finalizer of
 * MurmurHash3 (Austin Appleby, public domain): a CRC alone is linear, and short decimal strings would fall into few shards.
 */
export function hashColumn(column: KeyColumn): number {
  let hash = checksum(0, column);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Divides the 32 bits into equal ranges; exact in a double. */
const toShardIndex = (hash: number, shards: number): number => Math.floor((hash * shards) / 2 ** 32);

const isQueueNumber = (part: unknown): boolean =>
  typeof part === 'number' && part >= MIN_QUEUE_NUMBER && part <= MAX_QUEUE_NUMBER;
