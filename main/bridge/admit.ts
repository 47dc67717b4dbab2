import { type Access, accessOf, type Role, type Signature } from '../../protocol/contract/signature.ts';
import { type Kind, signatureOf } from '../../protocol/contract.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import { shortened } from '../../protocol/fault.ts';
import { NO_DEFAULT, NO_OPTIONS } from '../../protocol/hints.ts';
import {
  isValueStreamMethod,
  VALUE_STREAM,
  type ValueStreamContract,
  WHOLE_BYTES,
} from '../../protocol/value-stream.ts';
import type { Operation } from '../../protocol/wire.ts';
import { admitBatch, type Call, MAX_ITEMS } from './batch.ts';
import type { Permit } from './permit.ts';
import { getSlices, isLong } from './slices.ts';
import type { ValueStreams } from './value-streams.ts';
import { kindOf, type Store, VERBS, type Verb } from './verbs.ts';

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
}

/** @throws {DiskCacheError} `NOT_ALLOWED` before anybody is told whether there is such a store; `NO_SUCH_STORE`. */
export function open(name: unknown, page: Page): Opened {
  if (typeof name !== 'string') throw new DiskCacheError('NOT_ALLOWED', 'An operation has to name its store');
  page.permit.demand(name, 'read');
  const store = page.findStore(name);
  return { name, store, kind: kindOf(store), page };
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
  if (isValueStreamMethod(method)) return admitStreamStep(opened, method, args);
  return admitMethod(opened, method, args, method === 'get' && opened.kind === 'cache' ? WHOLE_BYTES : undefined);
}

function admitMethod(opened: Opened, method: unknown, args: readonly unknown[], bytesOfOne?: number): Call {
  const { store, kind } = opened;
  const signature = signatureOf(kind, method);
  const access = accessFor(opened, method, signature, args);
  if (method !== 'page') assertPlain(signature!, String(method), args);
  const verb = VERBS[kind][method as string]!;
  return {
    access,
    alone: signature?.alone,
    isLong: isLong(kind, method as string),
    bytesOfOne,
    run: () => verb(store, ...args),
    slices: getSlices(kind, method as string, store, args),
  };
}

function admitStreamStep(opened: Opened, method: keyof ValueStreamContract, args: readonly unknown[]): Call {
  const { store, page } = opened;
  const access = accessFor(opened, method, VALUE_STREAM[method], args);
  const verb = page.streams[method] as Verb;
  return { access, alone: true, run: () => verb.call(page.streams, store, ...args) };
}

/** What a call needs, where it was granted. */
function accessFor(
  { name, store, kind, page: { permit } }: Opened,
  method: unknown,
  signature: Signature | undefined,
  args: readonly unknown[],
): Access {
  if (signature === undefined) {
    const called = typeof method === 'string' ? `"${method.slice(0, 64)}"` : `(${typeof method})`;
    throw new DiskCacheError('NOT_ALLOWED', `No such operation: ${called} on the ${kind} "${shortened(name)}"`);
  }
  const most = mostArguments(signature);
  if (args.length > most) {
    const hint = HINTS[`${kind}.${String(method)}`];
    throw new DiskCacheError(
      'BAD_OPTION',
      `"${String(method)}" of the ${kind} "${shortened(name)}" takes at most ${most} ${most === 1 ? 'argument' : 'arguments'}, not ${args.length}${hint ? `; ${hint}` : ''}`,
    );
  }
  if (method !== 'equals') assertFewItems(signature, String(method), args);
  const access = accessOf(signature, args);
  permit.demand(name, access);
  if (access !== 'read') permit.charge(itemsIn(signature, args), isWrittenOut(store));
  return access;
}

/**
 * An array in the place of a number would be made a text first, along every way through what it contains.
 *
 * @throws {DiskCacheError} `BAD_OPTION`
 */
function assertPlain({ takes }: Signature, method: string, args: readonly unknown[]): void {
  const wrong = takes.findIndex((role, nth) => {
    const argument = args[nth];
    return role === 'plain' && (Array.isArray(argument) || ArrayBuffer.isView(argument));
  });
  if (wrong === -1) return;
  throw new DiskCacheError(
    'BAD_OPTION',
    `Argument ${wrong + 1} of "${method}" has to be a number or an object of options`,
  );
}

/** What is stored by itself: each value, each entry. */
function* itemsIn({ takes }: Signature, args: readonly unknown[]): Generator<unknown, void, void> {
  for (const [nth, argument] of args.entries()) {
    const role = takes[Math.min(nth, takes.length - 1)];
    const items = role !== undefined && MANY.includes(role) && isIterable(argument) ? argument : [argument];
    for (const item of items) {
      yield item;
      if (role !== 'jobs' && role !== 'jobOptions') continue;
      // Group and dedupe key stand in the job's row, and as keys of rows of their own.
      const { payload: _, ...told } = Object(item) as { readonly payload?: unknown };
      for (let row = 0; row < ROWS_OF_A_JOB; row++) yield told;
    }
  }
}

const ROWS_OF_A_JOB = 3;

const isIterable = (argument: unknown): argument is Iterable<unknown> =>
  typeof argument === 'object' && argument !== null && Symbol.iterator in argument;

/** JSON, and maybe a codec of the application's own, write the same object in each of its places. */
const isWrittenOut = (store: Store): boolean => !('codec' in store) || store.codec !== 'structured';

/** Roles that stand for many. */
const MANY: readonly Role[] = ['keys', 'entries', 'values', 'jobs'];

/** @throws {DiskCacheError} `TOO_LARGE` for a call that would hold up the main process. */
function assertFewItems({ takes }: Signature, method: string, args: readonly unknown[]): void {
  for (const [nth, role] of takes.entries()) {
    const count = MANY.includes(role) ? countOf(args[nth]) : 0;
    if (count <= MAX_ITEMS) continue;
    throw new DiskCacheError(
      'TOO_LARGE',
      `"${method}" takes ${MAX_ITEMS} ${role} at most in one call, not ${count}; make several calls`,
    );
  }
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

const mostArguments = ({ takes }: Signature): number => (takes.at(-1) === '...value' ? MAX_ITEMS : takes.length);
