import { DiskCacheError } from '../../../protocol/error.ts';
import type { Key } from '../../../protocol/key.ts';
import type { QueueOptions, SetOptions } from '../../../protocol/options.ts';
import { deleteRow } from '../space/delete-row.ts';
import { retryWithBallast } from '../space/maintenance.ts';
import { tryRead } from '../sqlite/errors.ts';
import type { RowRef } from '../sqlite/statements.ts';
import type { Core } from '../state/core.ts';
import { assertOptions, parseSide } from '../validate.ts';
import { decodeKey, encodeKey, type KeyColumn } from '../values/key.ts';
import { readValue, retryIfReplaced } from './read.ts';
import { inWriteTransaction } from './transaction.ts';
import { commitWrite, type PendingWrite, prepareItem, upsert } from './write.ts';

const QUEUE_OPTIONS: ReadonlySet<string> = new Set(['prefix', 'side']);
const PUSH_OPTIONS: ReadonlySet<string> = new Set(['prefix', 'side', 'ttl', 'expiresAt', 'tag']);

/** The numbers of a queue begin in the middle, so that it grows to both sides. */
const FIRST_QUEUE_NUMBER = 500_000_000_000_000;

/*
 * Items of a queue are marked as such: other items under a number or an array are not part of it. The key of an
 * item is its number or, with a prefix, an array that ends with its number; a number whose key is taken is passed over.
 */

/** Stores a value at one end of a queue, by default the back; returns its key. O(log n). */
export function push(core: Core, value: unknown, queueOptions?: QueueOptions & SetOptions): Key {
  const options = assertOptions(queueOptions, PUSH_OPTIONS);
  const { prefix } = options;
  const side = parseSide(options.side, 'back');
  const queue = toQueueColumn(prefix);
  const now = core.clock();
  const findKey = (): Key => {
    const edge = getEdgeRow(core, queue, side, now);
    const step = side === 'back' ? 1 : -1;
    let number = edge === undefined ? FIRST_QUEUE_NUMBER : toQueueNumber(decodeKey(edge[1])) + step;
    // Beyond that the next number would be the same one.
    if (!Number.isSafeInteger(number)) throw damagedQueueError(core);
    while (core.sql.has.first(encodeKey(toQueueKey(prefix, number)), now) !== undefined) number += step;
    return toQueueKey(prefix, number);
  };
  const insert = (item: PendingWrite, key: Key): Key => {
    core.sql.enqueue.run(queue, upsert(core, { ...item, key: encodeKey(key) }, now));
    return key;
  };
  if (core.sealing === undefined) {
    const item = prepareItem(core, '', value, now, options);
    return commitWrite(core, item, () => insert(item, findKey()));
  }
  // A sealed value is bound to its key, which is known under the write lock only.
  return inWriteTransaction(core, () => {
    const key = findKey();
    const item = prepareItem(core, encodeKey(key), value, now, options);
    return commitWrite(core, item, () => insert(item, key));
  });
}

/**
 * Removes and returns the item at one end, by default the front; undefined if the queue is empty.
 *
 * @throws {DiskCacheError} `CORRUPT` for a damaged item, which is deleted: the next pull returns the next item. After any other error
 * the item stays, because it may be readable later or by another version.
 */
export function pull(core: Core, queueOptions?: QueueOptions): [Key, unknown] | undefined {
  const options = assertOptions(queueOptions, QUEUE_OPTIONS);
  const side = parseSide(options.side, 'front');
  const queue = toQueueColumn(options.prefix);
  const take = () => {
    const row = getEdgeRow(core, queue, side, core.clock());
    if (row === undefined) return undefined;
    const read = tryRead(() => [decodeKey(row[1]), readValueAt(core, row[1])] as [Key, unknown]);
    deleteRow(core, row, 'delete');
    return read;
  };
  const taken = retryWithBallast([core], () => inWriteTransaction(core, take));
  if (taken !== undefined && 'error' in taken) throw taken.error;
  return taken?.value;
}

/** Returns the item at one end, by default the front. */
export function peek(core: Core, queueOptions?: QueueOptions): [Key, unknown] | undefined {
  const options = assertOptions(queueOptions, QUEUE_OPTIONS);
  const side = parseSide(options.side, 'front');
  const queue = toQueueColumn(options.prefix);
  return retryIfReplaced(core, () => {
    const row = getEdgeRow(core, queue, side, core.clock());
    return row && [decodeKey(row[1]), readValueAt(core, row[1])];
  });
}

function getEdgeRow({ sql }: Core, queue: KeyColumn, side: 'front' | 'back', now: number): RowRef | undefined {
  return (side === 'front' ? sql.queueFront : sql.queueBack).first(queue, now);
}

function readValueAt(core: Core, key: KeyColumn): unknown {
  const row = core.sql.read.first(key);
  return row && readValue(core, key, row);
}

const damagedQueueError = ({ directory }: Core): DiskCacheError =>
  new DiskCacheError('CORRUPT', `A number of a queue in ${directory} is damaged; run check({ repair: true })`);

const toQueueColumn = (prefix: Key | undefined): KeyColumn => encodeKey(prefix ?? null);

function toQueueKey(prefix: Key | undefined, number: number): Key {
  if (prefix === undefined || prefix === null) return number;
  return Array.isArray(prefix) ? [...prefix, number] : [prefix, number];
}

const toQueueNumber = (key: Key): number => Number(Array.isArray(key) ? key.at(-1) : key);
