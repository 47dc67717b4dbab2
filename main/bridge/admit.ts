import { type Access, accessOf, type Role, type Signature } from '../../protocol/contract/signature.ts';
import type { Kind } from '../../protocol/contract.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import { shortened } from '../../protocol/fault.ts';
import { NO_DEFAULT, NO_OPTIONS } from '../../protocol/hints.ts';
import { WHOLE_BYTES } from '../../protocol/value-stream.ts';
import type { Operation } from '../../protocol/wire.ts';
import { admitBatch, type Call, MAX_ITEMS } from './batch.ts';
import { type Admission, MANY, methodOf, type StreamStep, streamStepOf } from './methods.ts';
import type { Permit } from './permit.ts';
import { getSlices } from './slices.ts';
import type { ValueStreams } from './value-streams.ts';
import { kindOf, type Store, type Verb } from './verbs.ts';

/** Where the bridge finds an open store by its name; throws `NO_SUCH_STORE`. */
export type FindStore = (name: string) => Store;

/** What one page may do, and has under way. */
export interface Page {
  readonly permit: Permit;
  readonly streams: ValueStreams;
  readonly findStore: FindStore;
}

/** A store as one page may use it. */
export interface Opened {
  readonly name: string;
  readonly store: Store;
  readonly kind: Kind;
  readonly page: Page;
  /** An access that was found to be granted. */
  granted: Access;
}

/** @throws {DiskCacheError} `NOT_ALLOWED` before anybody is told whether there is such a store; `NO_SUCH_STORE`. */
export function open(name: unknown, page: Page): Opened {
  if (typeof name !== 'string') throw new DiskCacheError('NOT_ALLOWED', 'An operation has to name its store');
  page.permit.demand(name, 'read');
  const store = page.findStore(name);
  return { name, store, kind: kindOf(store), page, granted: 'read' };
}

/**
 * Lets an operation in: a method of the store's contract, a batch of them, or a step of a value that travels as a stream.
 *
 * @throws {DiskCacheError} `NOT_ALLOWED`, `TOO_LARGE` for more than was granted, `BAD_OPTION` for a batch that is none.
 */
export function admit(opened: Opened, operation: Operation): Call {
  const method: unknown = operation[1];
  const args = operation.slice(2);
  if (method === 'batch') {
    return admitBatch(opened.store, args[0], (step, given) => admitMethod(opened, step, given));
  }
  const step = streamStepOf(method);
  if (step !== undefined) return admitStreamStep(opened, step, args);
  return admitMethod(opened, method, args, method === 'get' && opened.kind === 'cache' ? WHOLE_BYTES : undefined);
}

function admitMethod(opened: Opened, name: unknown, args: readonly unknown[], bytesOfOne?: number): Call {
  const { store, kind } = opened;
  const method = methodOf(kind, name);
  if (method === undefined) throw noSuchMethod(opened, name);
  const access = accessFor(opened, method, args);
  for (const place of method.plain) assertPlain(method, place, args[place]);
  const { verb, isLong } = method;
  return {
    access,
    alone: method.signature.alone,
    isLong,
    bytesOfOne,
    run: () => verb(store, ...args),
    slices: isLong ? getSlices(kind, method.name, store, args) : undefined,
  };
}

function admitStreamStep(opened: Opened, step: StreamStep, args: readonly unknown[]): Call {
  const { store, page } = opened;
  const access = accessFor(opened, step, args);
  const verb = page.streams[step.name] as Verb;
  return { access, alone: true, run: () => verb.call(page.streams, store, ...args) };
}

function noSuchMethod({ name, kind }: Opened, method: unknown): DiskCacheError {
  const called = typeof method === 'string' ? `"${method.slice(0, 64)}"` : `(${typeof method})`;
  return new DiskCacheError('NOT_ALLOWED', `No such operation: ${called} on the ${kind} "${shortened(name)}"`);
}

/** What a call needs, where it was granted. */
function accessFor(opened: Opened, method: Admission, args: readonly unknown[]): Access {
  const { name, kind, store, page } = opened;
  const { signature, maxArguments } = method;
  if (args.length > maxArguments) {
    const hint = HINTS[`${kind}.${method.name}`];
    throw new DiskCacheError(
      'BAD_OPTION',
      `"${method.name}" of the ${kind} "${shortened(name)}" takes at most ${maxArguments} ${maxArguments === 1 ? 'argument' : 'arguments'}, not ${args.length}${hint ? `; ${hint}` : ''}`,
    );
  }
  for (const place of method.many) assertFewItems(method, place, args[place]);
  const access = accessOf(signature, args);
  // A turn is mostly of one kind.
  if (access !== opened.granted && access !== 'read') {
    page.permit.demand(name, access);
    opened.granted = access;
  }
  if (access !== 'read' && page.permit.isLimited) {
    page.permit.charge(itemsIn(signature, method.name, args), isWrittenOut(store));
  }
  return access;
}

/**
 * An array in the place of a number would be made a text first, along every way through what it contains.
 *
 * @throws {DiskCacheError} `BAD_OPTION`
 */
function assertPlain({ name }: Admission, place: number, argument: unknown): void {
  if (!Array.isArray(argument) && !ArrayBuffer.isView(argument)) return;
  throw new DiskCacheError(
    'BAD_OPTION',
    `Argument ${place + 1} of "${name}" has to be a number or an object of options`,
  );
}

/** What is stored by itself, each value, each entry, and what the rows in which it is stored take. */
function* itemsIn({ takes }: Signature, method: string, args: readonly unknown[]): Generator<unknown, void, void> {
  const isStored = takes.some((role) => STORED.has(role)) || MAKES_ROWS.has(method);
  for (const [nth, argument] of args.entries()) {
    const role = takes[Math.min(nth, takes.length - 1)];
    const items = role !== undefined && MANY.includes(role) && isIterable(argument) ? argument : [argument];
    for (const item of items) {
      yield item;
      if (!isStored) continue;
      if (role === 'key' || role === 'queue') yield* rowOf(item);
      else if (role === 'entries') yield* rowOf(Object(item)[0]);
      else if (role === 'values' || role === '...value') yield ROW;
      else if (role === 'jobs' || role === 'jobOptions') {
        // Group and dedupe key stand in the job's row, and as keys of rows of their own.
        const { payload: _, ...told } = Object(item) as { readonly payload?: unknown };
        for (let row = 0; row < ROWS_OF_A_JOB; row++) yield* rowOf(told);
      }
    }
  }
}

/** A key stands in its row and in an index, in pages that are partly empty. */
function* rowOf(key: unknown): Generator<unknown, void, void> {
  yield ROW;
  yield key;
  yield key;
}

/** The columns of a row besides key and value, and its places in the indexes: some 90 bytes. */
const ROW = new Uint8Array(64);
const ROWS_OF_A_JOB = 3;

/** What brings something to be stored; and methods that store without it. */
const STORED: ReadonlySet<Role> = new Set(['value', '...value', 'values', 'entries', 'jobs'] satisfies Role[]);
const MAKES_ROWS: ReadonlySet<string> = new Set(['incr', 'decr', 'openUpload']);

const isIterable = (argument: unknown): argument is Iterable<unknown> =>
  typeof argument === 'object' && argument !== null && Symbol.iterator in argument;

/** JSON, and maybe a codec of the application's own, write the same object in each of its places. */
const isWrittenOut = (store: Store): boolean => !('codec' in store) || store.codec !== 'structured';

/** @throws {DiskCacheError} `TOO_LARGE` for a call that would hold up the main process. */
function assertFewItems({ name, signature }: Admission, place: number, items: unknown): void {
  const count = countOf(items);
  if (count <= MAX_ITEMS) return;
  throw new DiskCacheError(
    'TOO_LARGE',
    `"${name}" takes ${MAX_ITEMS} ${signature.takes[place]} at most in one call, not ${count}; make several calls`,
  );
}

const countOf = (items: unknown): number =>
  items instanceof Set || items instanceof Map ? items.size : Number(Object(items).length ?? 0);

/** Hints for arguments that would otherwise be ignored. */
const HINTS: Readonly<Record<string, string>> = {
  'cache.get': NO_DEFAULT,
  'index.get': NO_DEFAULT,
  'index.set': NO_OPTIONS,
  'index.setMany': NO_OPTIONS,
};
