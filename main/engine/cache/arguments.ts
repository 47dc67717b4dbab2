import { inspect } from 'node:util';
import { DiskCacheError } from '../../../protocol/error.ts';
import { shortened, shownValue } from '../../../protocol/fault.ts';
import { NO_DEFAULT } from '../../../protocol/hints.ts';
import type { Key } from '../../../protocol/key.ts';
import type { SetOptions } from '../../../protocol/options.ts';

// Calls come from pages and from plain JavaScript too, so what the types promise is looked at once more.

export const isRecord = (value: unknown): value is object => typeof value === 'object' && value !== null;

/**
 * The options of a verb: an object with known names only, so that a misspelt one is not ignored.
 *
 * @throws {DiskCacheError} `BAD_OPTION`
 */
export function optionsOf<T extends object>(
  options: T | undefined,
  names: ReadonlySet<string>,
  called = 'options',
): Partial<T> {
  if (options === undefined) return {};
  if (!isRecord(options)) {
    throw new DiskCacheError(
      'BAD_OPTION',
      `for ${called} an object is expected; the names there are: ${[...names].join(', ')}`,
    );
  }
  for (const name in options) {
    if (names.has(name)) continue;
    throw new DiskCacheError(
      'BAD_OPTION',
      `"${shortened(name)}" is no option here; there are ${[...names].join(', ')}`,
    );
  }
  return options;
}

const NONE: SetOptions = {};
const SET_OPTIONS: ReadonlySet<string> = new Set(['ttl', 'tag']);

/** @throws {DiskCacheError} `BAD_OPTION` */
export const setOptionsOf = (options: SetOptions | undefined): SetOptions =>
  options === undefined ? NONE : optionsOf(options, SET_OPTIONS);

/** @throws {DiskCacheError} `BAD_OPTION` */
export function iterated<T>(items: Iterable<T>, what: string): Iterable<T> {
  if (typeof items !== 'string' && typeof Object(items)[Symbol.iterator] === 'function') return items;
  throw new DiskCacheError('BAD_OPTION', `an array or another iterable of ${what} was expected`);
}

/** @throws {DiskCacheError} `BAD_OPTION` */
export function demandFunction(fn: unknown, what: string): void {
  if (typeof fn !== 'function') throw new DiskCacheError('BAD_OPTION', `${what} has to be a function`);
}

/**
 * What is given for true or false: a text, such as `'no'`, would stand for true.
 *
 * @throws {DiskCacheError} `BAD_OPTION`
 */
export function demandFlag(value: unknown, name: string): void {
  if (typeof value === 'boolean') return;
  throw new DiskCacheError('BAD_OPTION', `${name} is ${shownValue(value, "'")}; it has to be true or false`);
}

/** A key for a message. */
export const shown = (key: Key): string =>
  inspect(key, { breakLength: Number.POSITIVE_INFINITY, depth: 4, maxStringLength: 64, maxArrayLength: 8 });

/**
 * Stores pairs one after the other.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for what are no pairs; what `store` throws, and which pair it is about where that is of no use.
 */
export function storeEach(entries: Iterable<readonly [Key, unknown]>, store: (key: Key, value: unknown) => void): void {
  let at = 0;
  for (const entry of iterated(entries, 'pairs [key, value]')) {
    if (!Array.isArray(entry)) throw new DiskCacheError('BAD_OPTION', 'setMany takes pairs [key, value]');
    try {
      store(entry[0], entry[1]);
    } catch (error) {
      throw isOfNoUse(error)
        ? new DiskCacheError(error.code, `entries[${at}]: ${error.message}`, { cause: error.cause })
        : error;
    }
    at++;
  }
}

const isOfNoUse = (error: unknown): error is DiskCacheError =>
  error instanceof DiskCacheError && (error.code === 'BAD_KEY' || error.code === 'BAD_VALUE');

/** @throws {DiskCacheError} `BAD_OPTION` for what is neither a string nor a number. */
export function tagColumn(tag: string | number): string | number {
  if (typeof tag === 'string' || (typeof tag === 'number' && !Number.isNaN(tag))) return tag;
  throw new DiskCacheError('BAD_OPTION', `tag is ${shownValue(tag)}; give a string or a number`);
}

/** @throws {DiskCacheError} `BAD_OPTION` if `get` was called with two arguments (`given`): the second is meant as a default. */
export function refuseDefault(given: IArguments): void {
  // Called by `keys.map(store.get, store)` it has three.
  if (given.length === 2 && given[1] !== undefined) {
    throw new DiskCacheError('BAD_OPTION', `get takes a key, and was given two arguments; ${NO_DEFAULT}`);
  }
}
