import { copyValue } from '../protocol/clone.ts';
import type { ArgumentRole } from '../protocol/contract/signature.ts';
import { DiskCacheError, type ErrorCode } from '../protocol/error.ts';
import { KEY_PARTS_HINT } from '../protocol/key-limits.ts';

/*
 * What can't cross to the main process is found before the turn's message is posted: a function would throw for the whole
 * message, a Blob would make it arrive as null, a class instance would lose its class in silence. Whether an argument makes
 * sense is for the engine to say.
 */

/** What the message says: `${place}${called}.part is a function; ${remedy}`. */
interface RejectedArgument {
  readonly value: unknown;
  readonly name: string;
  readonly prefix: string | undefined;
  readonly remedy: string | undefined;
}

/** Says which argument can't be sent. Which part of it is at fault is found by code that is loaded for it (faults.ts). */
export class UnsendableArgumentError extends DiskCacheError {
  readonly rejected: RejectedArgument;

  constructor(code: ErrorCode, rejected: RejectedArgument) {
    super(
      code,
      formatRejection(rejected, `${rejected.name} holds what can't be sent, as a function or an instance of a class`),
    );
    this.rejected = rejected;
  }
}

export const formatRejection = ({ prefix = '', remedy }: RejectedArgument, fault: string): string =>
  prefix + (remedy === undefined ? fault : `${fault}; ${remedy}`);

/** How an argument is looked at, and in what form it is sent. `place` stands before what is said of one of many. */
const ARGUMENT_CHECKS: Readonly<Record<ArgumentRole, (argument: unknown) => unknown>> = {
  key: (key) => checkKey(key),
  keys: (keys) => checkEach(keys, 'keys', checkKey),
  value: (value) => checkValue(value),
  values: (values) => checkEach(values, 'values', checkValue),
  '...value': (value) => checkValue(value),
  entries: (entries) =>
    checkEach(entries, 'entries', (entry, place) => {
      const [key, value] = checkIterable(entry, 'a key and a value', place) as Iterable<unknown>;
      return [checkKey(key, place), checkValue(value, place)];
    }),
  queue: (options) => checkOptionKeys(options, ['prefix'], 'options'),
  range: (range) => checkOptionKeys(range, ['from', 'to', 'prefix'], 'range'),
  tag: (tag) => checkPlain(tag, 'tag'),
  jobOptions: (options) => checkOptionKeys(options, JOB_KEY_OPTIONS, 'options'),
  jobs: (jobs) => checkEach(jobs, 'jobs', checkJob),
  plain: (argument) => checkPlain(argument, 'options'),
};

/**
 * The arguments of a call as they are sent; more than it takes the main process refuses.
 *
 * @throws {DiskCacheError} `BAD_KEY`, `BAD_VALUE` or `BAD_OPTION` for what can't be sent; `attempt` names the part.
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

/** Which of many is at fault is said, too. */
const checkEach = (items: unknown, called: string, check: (item: unknown, place: string) => unknown): unknown[] =>
  Array.from(checkIterable(items, called), (item, at) => check(item, `${called}[${at}]: `));

/** Whether it is a key the main process says. */
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

/** Options, some of which are keys. */
function checkOptionKeys(options: unknown, names: readonly string[], called: string, place = ''): unknown {
  for (const name of names) {
    const key: unknown = Object(options)[name];
    if (key !== undefined) checkKey(key, `${place}${called}.${name}: `);
  }
  return checkPlain(options, called, place);
}

const JOB_KEY_OPTIONS = ['dedupeKey', 'group'];

/** The main process refuses what isn't a job. */
function checkJob(job: unknown, place: string): unknown {
  if (typeof job !== 'object' || job === null || !Object.hasOwn(job, 'payload')) return checkPlain(job, 'job', place);
  const { payload, ...options } = job as { readonly payload: unknown };
  return {
    payload: checkValue(payload, place),
    ...(checkOptionKeys(options, JOB_KEY_OPTIONS, 'job', place) as object),
  };
}

/** @throws {DiskCacheError} `BAD_OPTION` */
export function checkIterable(items: unknown, what: string, place = ''): Iterable<unknown> {
  if (typeof items === 'object' && items !== null && Symbol.iterator in items) return items as Iterable<unknown>;
  throw new DiskCacheError('BAD_OPTION', `${place}An array or another iterable of ${what} was expected`);
}
