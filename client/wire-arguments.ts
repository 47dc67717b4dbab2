import { copyValue } from '../protocol/clone.ts';
import type { ArgumentRole } from '../protocol/contract/signature.ts';
import { DiskCacheError, type ErrorCode } from '../protocol/error.ts';
import { KEY_PARTS_HINT } from '../protocol/key-limits.ts';

/*
 * Arguments that can't be sent are rejected before the turn's message is posted: a function would make posting the whole message throw, a
 * Blob would make it arrive as null, a class instance would silently lose its class. The engine validates everything else.
 */

/** The parts of the message: `${prefix}${name}.part is a function; ${remedy}`. */
interface RejectedArgument {
  readonly value: unknown;
  readonly name: string;
  readonly prefix: string | undefined;
  readonly remedy: string | undefined;
}

/** Names the argument that can't be sent. The part at fault is found by code that is loaded for it (faults.ts). */
export class UnsendableArgumentError extends DiskCacheError {
  readonly rejected: RejectedArgument;

  constructor(code: ErrorCode, rejected: RejectedArgument) {
    super(code, formatRejection(rejected, `${rejected.name} has a part that can't be sent`));
    this.rejected = rejected;
  }
}

export const formatRejection = ({ prefix = '', remedy }: RejectedArgument, fault: string): string =>
  prefix + (remedy === undefined ? fault : `${fault}; ${remedy}`);

/** Converts what an iterator, a getter or a proxy among the arguments has thrown. Returns a `DiskCacheError` unchanged. */
export const toArgumentError = (error: unknown): DiskCacheError =>
  error instanceof DiskCacheError
    ? error
    : new DiskCacheError('BAD_OPTION', "An argument can't be read; see its cause", { cause: error });

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
const checkKey = (key: unknown, place?: string): unknown =>
  checkCloneable(key, 'BAD_KEY', 'key', place, KEY_PARTS_HINT);

const checkValue = (value: unknown, place?: string): unknown =>
  checkCloneable(value, 'BAD_VALUE', 'value', place, 'store plain data instead');

export const checkPlain = (argument: unknown, name: string, place?: string): unknown =>
  checkCloneable(argument, 'BAD_OPTION', name, place);

function checkCloneable(value: unknown, code: ErrorCode, name: string, place?: string, remedy?: string): unknown {
  try {
    return copyValue(value);
  } catch {
    throw new UnsendableArgumentError(code, { value, name, prefix: place, remedy });
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
      const sent = [checkKey(key, place), checkValue(value, place)];
      if (options !== undefined) sent.push(checkPlain(options, 'options', place));
      return sent;
    }),
  queue: (options) => checkOptionKeys(options, 'options'),
  range: (range) => checkOptionKeys(range, 'range'),
  selector: (selector) => checkPlain(selector, 'tag or prefix'),
  jobOptions: (options) => checkOptionKeys(options, 'options'),
  jobs: (jobs) => checkEach(jobs, 'jobs', checkJob),
  plain: (argument) => checkPlain(argument, 'options'),
};

/** Checks options, some of which are keys. */
function checkOptionKeys(options: unknown, label: string, place = ''): unknown {
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
