import { inspect } from 'node:util';
import { isPromise, isProxy } from 'node:util/types';
import { formatValue, truncate } from '../../protocol/describe-value.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import type { Key } from '../../protocol/key.ts';
import { type EntryWithOptions, NO_DEFAULT_HINT, type SetOptions } from '../../protocol/options.ts';

// Calls come from pages and from plain JavaScript, too, so the types are checked at run time.

export const isRecord = (value: unknown): value is object => typeof value === 'object' && value !== null;

export const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  (isRecord(value) || typeof value === 'function') && 'then' in value && typeof value.then === 'function';

/** Returns the error for a misspelt option. `prefix` says which options are meant, such as `host.install: `. */
export const createUnknownOptionError = (name: string, validNames: Iterable<string>, prefix = ''): DiskCacheError =>
  new DiskCacheError('BAD_OPTION', `${prefix}unknown option "${truncate(name)}"; ${formatValidNames(validNames)}`);

function formatValidNames(names: Iterable<string>): string {
  const list = [...names].join(', ');
  return list === '' ? 'this call has no options' : `valid options: ${list}`;
}

/**
 * Returns the options of a verb: an object with known names only, so that a misspelt one is not ignored.
 *
 * @throws {DiskCacheError} `BAD_OPTION`
 */
export function assertOptions<T extends object>(
  options: T | undefined,
  names: ReadonlySet<string>,
  label = 'options',
): Partial<T> {
  if (options === undefined) return {};
  if (!isRecord(options)) {
    throw new DiskCacheError('BAD_OPTION', `${label} must be an object; ${formatValidNames(names)}`);
  }
  for (const name in options) {
    if (!names.has(name)) throw createUnknownOptionError(name, names);
  }
  return options;
}

/**
 * Parses the end of a queue or deque that a call is about.
 *
 * @throws {DiskCacheError} `BAD_OPTION`
 */
export function parseSide(side: unknown, defaultSide: 'front' | 'back'): 'front' | 'back' {
  if (side === undefined) return defaultSide;
  if (side === 'front' || side === 'back') return side;
  throw new DiskCacheError('BAD_OPTION', `side is ${formatValue(side)}; it has to be "front" or "back"`);
}

const NO_OPTIONS: SetOptions = {};
const SET_OPTIONS: ReadonlySet<string> = new Set(['ttl', 'expiresAt', 'tag']);

/** @throws {DiskCacheError} `BAD_OPTION` */
export const assertSetOptions = (options: SetOptions | undefined): SetOptions =>
  options === undefined ? NO_OPTIONS : assertOptions(options, SET_OPTIONS);

/**
 * Merges the options of a call of `setMany` with those of one entry, which win. An entry's `ttl` or `expiresAt` replaces both of the call.
 *
 * @throws {DiskCacheError} `BAD_OPTION`
 */
export function mergeSetOptions(shared: SetOptions | undefined, own: SetOptions | undefined): SetOptions | undefined {
  if (own === undefined) return shared;
  const { ttl, expiresAt, tag } = assertSetOptions(own);
  const { ttl: sharedTtl, expiresAt: sharedExpiresAt, ...rest } = shared ?? NO_OPTIONS;
  const hasExpiry = ttl !== undefined || expiresAt !== undefined;
  const expiry = hasExpiry ? { ttl, expiresAt } : { ttl: sharedTtl, expiresAt: sharedExpiresAt };
  return { ...rest, ...expiry, ...(tag !== undefined && { tag }) } as SetOptions;
}

/** More items than memory can hold as an array: the length of an array of holes says nothing about its size. */
const MAX_ARRAY_LENGTH = 2 ** 26;

/**
 * Returns what can be walked once. Errors of the caller's own generator are passed on by the walk; a proxy is read here.
 *
 * @throws {DiskCacheError} `BAD_OPTION`; `TOO_LARGE` for an array that is too long.
 */
export function assertIterable<T>(items: Iterable<T>, what: string): Iterable<T> {
  try {
    if (isProxy(items)) return Array.from(toWalkable(items, what));
    return toWalkable(items, what);
  } catch (error) {
    if (error instanceof DiskCacheError) throw error;
    throw new DiskCacheError('BAD_OPTION', `the ${what} can't be read; see the cause`, { cause: error });
  }
}

function toWalkable<T>(items: Iterable<T>, what: string): Iterable<T> {
  if (Array.isArray(items)) {
    if (items.length <= MAX_ARRAY_LENGTH) return items;
    throw new DiskCacheError(
      'TOO_LARGE',
      `an array of ${items.length} ${what} is too long, the maximum is ${MAX_ARRAY_LENGTH}; split it`,
    );
  }
  const iterate: unknown = typeof items === 'string' ? undefined : Object(items)[Symbol.iterator];
  const iterator: unknown = typeof iterate === 'function' ? iterate.call(items) : undefined;
  if (isRecord(iterator) && 'next' in iterator) return { [Symbol.iterator]: () => iterator as Iterator<T> };
  throw new DiskCacheError('BAD_OPTION', `an array or another iterable of ${what} was expected`);
}

/** @throws {DiskCacheError} `BAD_OPTION` for anything but an `AbortSignal`, of which a proxy has none of the state. */
export function assertSignal(signal: AbortSignal | undefined): void {
  if (signal === undefined || (!isProxy(signal) && signal instanceof AbortSignal)) return;
  throw new DiskCacheError('BAD_OPTION', 'signal must be an AbortSignal');
}

/** @throws {DiskCacheError} `BAD_OPTION` */
export function assertFunction(fn: unknown, what: string): void {
  if (typeof fn !== 'function') throw new DiskCacheError('BAD_OPTION', `${what} has to be a function`);
}

/**
 * Checks a flag: a string such as `'no'` would count as true.
 *
 * @throws {DiskCacheError} `BAD_OPTION`
 */
export function assertFlag(value: unknown, name: string): void {
  if (typeof value === 'boolean') return;
  throw new DiskCacheError('BAD_OPTION', `${name} is ${formatValue(value, "'")}; it has to be true or false`);
}

/** Formats a key for a message. */
export const inspectKey = (key: Key): string =>
  inspect(key, { breakLength: Number.POSITIVE_INFINITY, depth: 4, maxStringLength: 64, maxArrayLength: 8 });

/**
 * Stores entries one after the other.
 *
 * @throws {DiskCacheError} `BAD_OPTION` if an entry is not a [key, value] pair; errors of `store`, for bad keys, values and options with
 * the entry's index prepended.
 */
export function storeEach(
  entries: Iterable<EntryWithOptions<Key, unknown>>,
  store: (key: Key, value: unknown, options: SetOptions | undefined) => void,
): void {
  let at = 0;
  for (const entry of assertIterable(entries, 'pairs [key, value]')) {
    if (!Array.isArray(entry)) throw new DiskCacheError('BAD_OPTION', 'setMany takes pairs [key, value]');
    try {
      store(entry[0], entry[1], entry[2]);
    } catch (error) {
      throw isBadInput(error)
        ? new DiskCacheError(error.code, `entries[${at}]: ${error.message}`, { cause: error.cause })
        : error;
    }
    at++;
  }
}

const isBadInput = (error: unknown): error is DiskCacheError =>
  error instanceof DiskCacheError && ['BAD_KEY', 'BAD_VALUE', 'BAD_OPTION'].includes(error.code);

/** @throws {DiskCacheError} `BAD_OPTION` for anything but a string or a number. */
export function toTagColumn(tag: string | number): string | number {
  if (typeof tag === 'string' || (typeof tag === 'number' && !Number.isNaN(tag))) return tag;
  throw new DiskCacheError('BAD_OPTION', `tag is ${formatValue(tag)}; give a string or a number`);
}

/** @throws {DiskCacheError} `BAD_OPTION` if `get` was called with two arguments (`given`): the second is meant as a default. */
export function assertNoDefault(callArguments: IArguments): void {
  // `keys.map(store.get, store)` calls it with three arguments.
  if (callArguments.length === 2 && callArguments[1] !== undefined) {
    throw new DiskCacheError('BAD_OPTION', `get takes a key, and was given two arguments; ${NO_DEFAULT_HINT}`);
  }
}

/** The last warning of each store: a lasting fault is reported once, not every second. */
const lastWarnings = new WeakMap<object, string>();

/**
 * Reports a failure that has no caller, so that an exception would end the process, as a warning of the process (the event `'warning'`;
 * by default Node writes it to stderr). The same failure of a store is reported once in a row.
 */
export function warn(error: unknown, store: object, doing: string): void {
  const { code, message } = describeError(error);
  const known = `${doing} ${code}`;
  if (lastWarnings.get(store) === known) return;
  lastWarnings.set(store, known);
  emitWarning(`${doing} failed, and is tried again: ${message}`, { code, cause: error });
}

/** Emits a warning of the process with the name `DiskCacheWarning`. */
export function emitWarning(
  message: string,
  { code, cause }: { readonly code?: string; readonly cause?: unknown },
): void {
  const warning = new Error(message, cause === undefined ? {} : { cause });
  process.emitWarning(Object.assign(warning, { name: 'DiskCacheWarning', ...(code !== undefined && { code }) }));
}

/** After a success: the next failure is reported again. */
export const clearWarning = (store: object): boolean => lastWarnings.delete(store);

/** Returns code and message of anything that was thrown, also of an object whose properties throw. */
function describeError(error: unknown): { readonly code: string; readonly message: string } {
  try {
    const { code, message } = Object(error) as { readonly code?: unknown; readonly message?: unknown };
    return { code: typeof code === 'string' ? code : '', message: String(message ?? error) };
  } catch {
    return { code: '', message: 'for a reason that can not be read' };
  }
}

/**
 * Wraps a listener of the application: an error that it throws or rejects with becomes a warning of the process (`DiskCacheWarning`, with
 * the error as `cause`), so that neither the call that caused the event nor the process fails. `source` names what it listens to.
 */
export function wrapListener<A extends readonly unknown[]>(
  listener: (...args: A) => unknown,
  source: string,
): (...args: A) => void {
  const warn = (cause: unknown): void => emitWarning(`A listener of ${source} failed; see the cause`, { cause });
  return (...args) => {
    try {
      const result = listener(...args);
      if (isPromise(result)) result.catch(warn);
    } catch (error) {
      warn(error);
    }
  };
}
