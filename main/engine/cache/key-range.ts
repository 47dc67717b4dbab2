import type { Key } from '../../../protocol/key.ts';
import { compareColumns, type KeyBounds, type KeyColumn, keyBounds } from '../values/key.ts';
import { optionsOf } from './arguments.ts';

export interface SubscribeOptions {
  /** Only changes of keys that begin so; `clear` concerns all. */
  readonly prefix?: Key;
  /** Only changes of keys from this one on. */
  readonly from?: Key;
  /** Only changes of keys before this one. */
  readonly to?: Key;
}

const OPTIONS: ReadonlySet<string> = new Set(['prefix', 'from', 'to']);

/** The stretch of keys that a subscription is about, to be compared with others and with many keys. */
export interface KeyRange {
  /** Equal for ranges of the same keys. */
  readonly id: string;
  readonly isEverything: boolean;
  /** Takes a key as `encodeKey` returns it: encoded once, it is compared with many ranges. */
  has(key: KeyColumn): boolean;
}

/** @throws {DiskCacheError} `BAD_OPTION` or `BAD_KEY` */
export function parseBounds(options: SubscribeOptions | undefined): KeyBounds {
  return keyBounds(optionsOf(options, OPTIONS));
}

/** @throws {DiskCacheError} `BAD_OPTION` or `BAD_KEY` */
export function parseKeyRange(options: SubscribeOptions | undefined): KeyRange {
  const bounds = parseBounds(options);
  return {
    id: `${toText(bounds.lower)} ${toText(bounds.upper)}`,
    isEverything: bounds.lower === undefined && bounds.upper === undefined,
    has: (key) => isWithin(key, bounds),
  };
}

export const isWithin = (key: KeyColumn, { lower, upper }: KeyBounds): boolean =>
  (lower === undefined || compareColumns(key, lower) >= 0) && (upper === undefined || compareColumns(key, upper) < 0);

function toText(bound: KeyColumn | undefined): string {
  if (typeof bound === 'object') return `x${Buffer.from(bound).toString('hex')}`;
  return bound === undefined ? '' : JSON.stringify(bound);
}
