import { copyValue } from '../protocol/clone.ts';
import type { ArgumentRole } from '../protocol/contract/signature.ts';
import { DiskCacheError, type ErrorCode } from '../protocol/error.ts';

/*
 * Arguments that can't be sent are rejected before the turn's message is posted: a function would make posting the whole message throw, a
 * Blob would make it arrive as null, a class instance would silently lose its class. The engine validates everything else.
 */

interface RejectedArgument {
  readonly value: unknown;
  readonly name: string;
  /** What stands before the name in a message: the position among several arguments. */
  readonly prefix: string;
}

/** Names the argument that can't be sent. Code that is loaded on demand finds the part at fault and the remedy (faults.ts). */
export class UnsendableArgumentError extends DiskCacheError {
  readonly rejected: RejectedArgument;

  constructor(code: ErrorCode, rejected: RejectedArgument) {
    super(code, `${rejected.prefix}${rejected.name} has a part that can't be sent, such as a function`);
    this.rejected = rejected;
  }
}

/** Converts what an iterator, a getter or a proxy among the arguments has thrown. Returns a `DiskCacheError` unchanged. */
export const toArgumentError = (error: unknown): DiskCacheError =>
  error instanceof DiskCacheError
    ? error
    : new DiskCacheError('BAD_OPTION', "An argument can't be read", { cause: error });

/**
 * Returns the arguments of a call as they are sent. The main process refuses too many.
 *
 * @throws {DiskCacheError} `BAD_KEY`, `BAD_VALUE` or `BAD_OPTION` for what can't be sent; `rejectOnThrow` adds the part at fault.
 */
export function toWireArguments(args: readonly unknown[], takes: readonly ArgumentRole[]): readonly unknown[] {
  const rest = takes.at(-1) === '...value';
  const sent: unknown[] = [];
  for (let at = 0; at < args.length; at++) {
    const role = takes[rest ? Math.min(at, takes.length - 1) : at];
    if (role !== undefined || args[at] !== undefined) sent.push(ARGUMENT_CHECKS[role ?? 'plain'](args[at]));
  }
  return sent;
}

/** The error also names which of the items is at fault. */
const checkEach = (items: unknown, label: string, check: (item: unknown, place: string) => unknown): unknown[] =>
  Array.from(checkIterable(items, label), (item, at) => check(item, `${label}[${at}]: `));

/** The main process decides whether it is a key. */
const checkKey = (key: unknown, place?: string): unknown => checkCloneable(key, 'BAD_KEY', 'key', place);

const checkValue = (value: unknown, place?: string): unknown => checkCloneable(value, 'BAD_VALUE', 'value', place);

export const checkPlain = (argument: unknown, name: string, place?: string): unknown =>
  checkCloneable(argument, 'BAD_OPTION', name, place);

function checkCloneable(value: unknown, code: ErrorCode, name: string, prefix = ''): unknown {
  try {
    return copyValue(value);
  } catch {
    throw new UnsendableArgumentError(code, { value, name, prefix });
  }
}

/** Checks an argument by its role and returns it as it is sent. */
const ARGUMENT_CHECKS: Readonly<Record<ArgumentRole, (argument: unknown) => unknown>> = {
  key: checkKey,
  keys: (keys) => checkEach(keys, 'keys', checkKey),
  value: checkValue,
  values: (values) => checkEach(values, 'values', checkValue),
  '...value': checkValue,
  entries: (entries) =>
    checkEach(entries, 'entries', (entry, place) => {
      const [key, value, options] = checkIterable(entry, 'key and value', place) as Iterable<unknown>;
      const pair = [checkKey(key, place), checkValue(value, place)];
      return options === undefined ? pair : [...pair, checkPlain(options, 'options', place)];
    }),
  queue: checkOptionKeys,
  jobOptions: checkOptionKeys,
  range: (range) => checkOptionKeys(range, 'range'),
  tag: (tag) => checkPlain(tag, 'tag or prefix'),
  jobs: (jobs) => checkEach(jobs, 'jobs', checkJob),
  plain: (argument) => checkPlain(argument, 'options'),
};

/** Checks options, some of which are keys. */
function checkOptionKeys(options: unknown, label = 'options', place = ''): unknown {
  for (const name of KEY_OPTIONS) {
    const key: unknown = Object(options)[name];
    if (key !== undefined) checkKey(key, `${place}${label}.${name}: `);
  }
  return checkPlain(options, label, place);
}

/** The options of queues, ranges and jobs that are keys. */
const KEY_OPTIONS = ['key', 'from', 'to', 'prefix', 'dedupeKey', 'group'];

/** The main process refuses what isn't a job. */
function checkJob(job: unknown, place: string): unknown {
  if (typeof job !== 'object' || job === null || !Object.hasOwn(job, 'payload')) return checkPlain(job, 'job', place);
  const { payload, ...options } = job as { readonly payload: unknown };
  return {
    payload: checkValue(payload, place),
    ...(checkOptionKeys(options, 'job', place) as object),
  };
}

/** @throws {DiskCacheError} `BAD_OPTION` */
export function checkIterable(items: unknown, what: string, place = ''): Iterable<unknown> {
  if (typeof items === 'object' && items !== null && Symbol.iterator in items) return items as Iterable<unknown>;
  throw new DiskCacheError('BAD_OPTION', `${place}An iterable of ${what} was expected`);
}
