import { DiskCacheError } from '../../../protocol/error.ts';
import type { Key } from '../../../protocol/key.ts';
import type { SubscribeOptions } from '../../../protocol/options.ts';
import { assertFlag, assertIterable, assertOptions } from '../validate.ts';
import { compareColumns, encodeKey, type KeyBounds, type KeyColumn, parseKeyBounds } from './key.ts';

/** The key of a `Map` for a stored key: equal for equal keys. */
export type KeyId = string | number;

/** Returns the id of a stored key. That of bytes begins with a lone surrogate, which no stored text contains, so that the two never collide. */
export const toColumnId = (column: KeyColumn): KeyId =>
  typeof column === 'object' ? `\ud800${Buffer.from(column).toString('latin1')}` : column;

/** The keys of a subscription. */
export interface KeyFilter {
  /** Equal for filters of the same keys. */
  readonly id: string;
  readonly isUnbounded: boolean;
  /** The keys of a filter for `key` or `keys`; undefined for a range. */
  readonly exactKeys: ReadonlyMap<KeyId, Key> | undefined;
  /** Takes a key as `encodeKey` returns it, so that a key is encoded once for many filters. */
  has(key: KeyColumn): boolean;
}

const SUBSCRIBE_OPTIONS: ReadonlySet<string> = new Set(['key', 'keys', 'prefix', 'from', 'to', 'values']);

/** @throws {DiskCacheError} `BAD_OPTION` or `BAD_KEY` */
export function parseSubscribeOptions(options: SubscribeOptions | undefined): {
  readonly filter: KeyFilter;
  readonly hasValues: boolean;
} {
  const { values = false, key, keys, ...range } = assertOptions(options, SUBSCRIBE_OPTIONS);
  assertFlag(values, 'values');
  const bounds = parseKeyBounds(range);
  const isBounded = bounds.lower !== undefined || bounds.upper !== undefined;
  if (Number(key !== undefined) + Number(keys !== undefined) + Number(isBounded) > 1) {
    throw new DiskCacheError(
      'BAD_OPTION',
      'A subscription takes key, or keys, or a range of prefix, from and to; give one of them',
    );
  }
  const exact = key === undefined ? keys && [...assertIterable(keys, 'keys')] : [key];
  return { filter: exact === undefined ? createRangeFilter(bounds) : createExactFilter(exact), hasValues: values };
}

function createRangeFilter(bounds: KeyBounds): KeyFilter {
  return {
    id: `${toText(bounds.lower)} ${toText(bounds.upper)}`,
    isUnbounded: bounds.lower === undefined && bounds.upper === undefined,
    exactKeys: undefined,
    has: (key) => isWithin(key, bounds),
  };
}

function createExactFilter(keys: readonly Key[]): KeyFilter {
  const columns = keys.map(encodeKey);
  const exactKeys = new Map(columns.map((column, at) => [toColumnId(column), keys[at]!]));
  return {
    id: `= ${[...exactKeys.keys()]
      .map((id) => JSON.stringify(id))
      .sort()
      .join(' ')}`,
    isUnbounded: false,
    exactKeys,
    has: (key) => exactKeys.has(toColumnId(key)),
  };
}

const isWithin = (key: KeyColumn, { lower, upper }: KeyBounds): boolean =>
  (lower === undefined || compareColumns(key, lower) >= 0) && (upper === undefined || compareColumns(key, upper) < 0);

function toText(bound: KeyColumn | undefined): string {
  if (typeof bound === 'object') return `x${Buffer.from(bound).toString('hex')}`;
  return bound === undefined ? '' : JSON.stringify(bound);
}
