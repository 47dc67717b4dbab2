import { DiskCacheError } from '../../../protocol/error.ts';
import { shownValue } from '../../../protocol/fault.ts';
import type { Key } from '../../../protocol/key.ts';
import type { QueueOptions, SetOptions } from '../../../protocol/options.ts';
import { attempt } from '../damage.ts';
import type { DoomedRow } from '../sqlite/statements.ts';
import { decodeKey, encodeKey, type KeyColumn } from '../values/key.ts';
import { optionsOf } from './arguments.ts';
import type { Core } from './core.ts';
import { drop } from './drop.ts';
import { despiteFullDisk } from './full-disk.ts';
import { place, using } from './item.ts';
import { despiteReplacement, readValue } from './read.ts';
import { atomically } from './transaction.ts';
import { itemOf } from './write.ts';

const QUEUE_OPTIONS: ReadonlySet<string> = new Set(['prefix', 'side']);
const PUSH_OPTIONS: ReadonlySet<string> = new Set(['prefix', 'side', 'ttl', 'tag']);

/** The numbers of a queue begin in the middle, so that it grows to both sides. */
const FIRST = 500_000_000_000_000;

/*
 * Items of a queue are marked as such: whatever else is stored under a number or an array is no part of it. The key of an
 * item is its number or, with a prefix, an array that ends with its number; a number whose key is taken is passed over.
 */

/** Stores a value at one end of a queue, by default the back; answers its key. O(log n). */
export function push(core: Core, value: unknown, given?: QueueOptions & SetOptions): Key {
  const options = optionsOf(given, PUSH_OPTIONS);
  const { prefix } = options;
  const side = sideOf(options, 'back');
  const queue = queueOf(prefix);
  const now = core.clock();
  const item = itemOf(core, '', value, now, options);
  return using(core, item, () => {
    const edge = edgeOf(core, queue, side, now);
    const step = side === 'back' ? 1 : -1;
    let number = edge === undefined ? FIRST : numberOf(decodeKey(edge[1])) + step;
    // Beyond that the next number would be the same one.
    if (!Number.isSafeInteger(number)) throw damagedQueue(core);
    while (core.sql.has.first(encodeKey(keyOf(prefix, number)), now) !== undefined) number += step;
    const key = keyOf(prefix, number);
    core.sql.enqueue.run(queue, place(core, { ...item, key: encodeKey(key) }, now));
    return key;
  });
}

/**
 * Takes the item at one end, by default the front; undefined when the queue is empty.
 *
 * @throws {DiskCacheError} `CORRUPT` for a damaged item, which is gone after it: the next pull returns the next one. Whatever else is
 * thrown, the item stays: what can't be read now, or not by this version, may be read later.
 */
export function pull(core: Core, given?: QueueOptions): [Key, unknown] | undefined {
  const options = optionsOf(given, QUEUE_OPTIONS);
  const side = sideOf(options, 'front');
  const queue = queueOf(options.prefix);
  const take = () => {
    const row = edgeOf(core, queue, side, core.clock());
    if (row === undefined) return undefined;
    const read = attempt(() => [decodeKey(row[1]), valueAt(core, row[1])] as [Key, unknown]);
    drop(core, row, 'delete');
    return read;
  };
  const taken = despiteFullDisk([core], () => atomically(core, take));
  if (taken !== undefined && 'error' in taken) throw taken.error;
  return taken?.value;
}

/** Looks at the item at one end, by default the front. */
export function peek(core: Core, given?: QueueOptions): [Key, unknown] | undefined {
  const options = optionsOf(given, QUEUE_OPTIONS);
  const side = sideOf(options, 'front');
  const queue = queueOf(options.prefix);
  return despiteReplacement(core, () => {
    const row = edgeOf(core, queue, side, core.clock());
    return row && [decodeKey(row[1]), valueAt(core, row[1])];
  });
}

function edgeOf({ sql }: Core, queue: KeyColumn, side: 'front' | 'back', now: number): DoomedRow | undefined {
  return (side === 'front' ? sql.queueFront : sql.queueBack).first(queue, now);
}

function valueAt(core: Core, key: KeyColumn): unknown {
  const row = core.sql.read.first(key);
  return row && readValue(core, key, row);
}

const damagedQueue = ({ directory }: Core): DiskCacheError =>
  new DiskCacheError('CORRUPT', `A number of a queue in ${directory} is damaged; run check({ repair: true })`);

const queueOf = (prefix: Key | undefined): KeyColumn => encodeKey(prefix ?? null);

function keyOf(prefix: Key | undefined, number: number): Key {
  if (prefix === undefined || prefix === null) return number;
  return Array.isArray(prefix) ? [...prefix, number] : [prefix, number];
}

const numberOf = (key: Key): number => Number(Array.isArray(key) ? key.at(-1) : key);

function sideOf({ side }: QueueOptions, usual: 'front' | 'back'): 'front' | 'back' {
  if (side === undefined) return usual;
  if (side === 'front' || side === 'back') return side;
  throw new DiskCacheError('BAD_OPTION', `side is ${shownValue(side)}; it has to be "front" or "back"`);
}
