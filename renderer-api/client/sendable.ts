import { toCopy } from '../../protocol/cloneable.ts';
import type { Role } from '../../protocol/contract/signature.ts';
import { DiskCacheError, type ErrorCode } from '../../protocol/error.ts';
import { KEY_PARTS } from '../../protocol/key-limits.ts';
import { Unsendable } from './unsendable.ts';

/*
 * What can't cross to the main process is found before the turn's message is posted: a function would throw for the whole
 * message, a Blob would make it arrive as null, a class instance would lose its class in silence. Whether an argument makes
 * sense is for the engine to say.
 */

/** How an argument is looked at, and in what form it is sent. `place` stands before what is said of one of many. */
const CHECKS: Readonly<Record<Role, (argument: unknown) => unknown>> = {
  key: (key) => checkedKey(key),
  keys: (keys) => checkedEach(keys, 'keys', checkedKey),
  value: (value) => checkedValue(value),
  values: (values) => checkedEach(values, 'values', checkedValue),
  '...value': (value) => checkedValue(value),
  entries: (entries) =>
    checkedEach(entries, 'entries', (entry, place) => {
      const [key, value] = iterable(entry, 'a key and a value', place) as Iterable<unknown>;
      return [checkedKey(key, place), checkedValue(value, place)];
    }),
  queue: (options) => withKeys(options, ['prefix'], 'options'),
  range: (range) => withKeys(range, ['from', 'to', 'prefix'], 'range'),
  tag: (tag) => plain(tag, 'tag'),
  jobOptions: (options) => withKeys(options, JOB_KEYS, 'options'),
  jobs: (jobs) => checkedEach(jobs, 'jobs', checkedJob),
  plain: (argument) => plain(argument, 'options'),
};

/**
 * The arguments of a call as they are sent; more than it takes the main process refuses.
 *
 * @throws {DiskCacheError} `BAD_KEY`, `BAD_VALUE` or `BAD_OPTION` for what can't be sent; `attempt` names the part.
 */
export function sendable(args: readonly unknown[], takes: readonly Role[]): readonly unknown[] {
  const rest = takes.at(-1) === '...value';
  const sent: unknown[] = [];
  for (let at = 0; at < args.length; at++) {
    const role = takes[rest ? Math.min(at, takes.length - 1) : at];
    if (role !== undefined || args[at] !== undefined) sent.push(CHECKS[role ?? 'plain'](args[at]));
  }
  return sent;
}

/** Which of many is at fault is said, too. */
const checkedEach = (items: unknown, called: string, check: (item: unknown, place: string) => unknown): unknown[] =>
  Array.from(iterable(items, called), (item, at) => check(item, `${called}[${at}]: `));

/** Whether it is a key the main process says. */
const checkedKey = (key: unknown, place?: string): unknown => checked(key, 'BAD_KEY', 'key', place, KEY_PARTS);

const checkedValue = (value: unknown, place?: string): unknown =>
  checked(value, 'BAD_VALUE', 'value', place, 'store plain data instead');

export const plain = (argument: unknown, called: string, place?: string): unknown =>
  checked(argument, 'BAD_OPTION', called, place);

function checked(value: unknown, code: ErrorCode, called: string, place?: string, remedy?: string): unknown {
  try {
    return toCopy(value);
  } catch {
    throw new Unsendable(code, { value, called, place, remedy });
  }
}

/** Options of which some are keys. */
function withKeys(options: unknown, names: readonly string[], called: string, place = ''): unknown {
  for (const name of names) {
    const key: unknown = Object(options)[name];
    if (key !== undefined) checkedKey(key, `${place}${called}.${name}: `);
  }
  return plain(options, called, place);
}

const JOB_KEYS = ['dedupeKey', 'group'];

/** What is no job the main process refuses. */
function checkedJob(job: unknown, place: string): unknown {
  if (typeof job !== 'object' || job === null || !Object.hasOwn(job, 'payload')) return plain(job, 'job', place);
  const { payload, ...options } = job as { readonly payload: unknown };
  return { payload: checkedValue(payload, place), ...(withKeys(options, JOB_KEYS, 'job', place) as object) };
}

/** @throws {DiskCacheError} `BAD_OPTION` */
export function iterable(items: unknown, what: string, place = ''): Iterable<unknown> {
  if (typeof items === 'object' && items !== null && Symbol.iterator in items) return items as Iterable<unknown>;
  throw new DiskCacheError('BAD_OPTION', `${place}An array or another iterable of ${what} was expected`);
}
