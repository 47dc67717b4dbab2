import {
  type Access,
  type ArgumentRole,
  getRequiredAccess,
  type Signature,
} from '../../protocol/contract/signature.ts';
import { type Kind, SIGNATURES } from '../../protocol/contract.ts';
import { truncate } from '../../protocol/describe-value.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import { NO_DEFAULT_HINT, NO_OPTIONS_HINT } from '../../protocol/options.ts';
import { MAX_INLINE_BYTES, VALUE_STREAM_SIGNATURES, type ValueStreamContract } from '../../protocol/value-stream.ts';
import type { Operation } from '../../protocol/wire.ts';
import { type AuthorizedCall, authorizeBatch, MAX_ITEMS_PER_CALL } from './authorize-batch.ts';
import type { SessionGrant } from './grant.ts';
import { type BridgeStore, getKind, METHOD_HANDLERS, type MethodHandler } from './handlers.ts';
import { getSlices, isLong } from './slices.ts';
import type { ValueStreams } from './value-streams.ts';

/** How to check the arguments of a method. Computed once, because most calls need no check. */
interface MethodRules {
  readonly name: string;
  readonly signature: Signature;
  readonly maxArguments: number;
  /** Indices of arguments that are lists, whose items are counted. */
  readonly lists: readonly number[];
  /** Indices of arguments that are numbers or options. */
  readonly plain: readonly number[];
}

/** A method of a store, with its handler. */
interface StoreMethod extends MethodRules {
  readonly handler: MethodHandler;
  readonly isLong: boolean;
}

/** A step of a streamed value. */
type StreamStep = MethodRules & { readonly name: keyof ValueStreamContract };

/** Roles of arguments that are lists. */
const LIST_ROLES: readonly ArgumentRole[] = ['keys', 'entries', 'values', 'jobs'];

const toStoreMethod = (kind: Kind, name: string, signature: Signature): StoreMethod => ({
  ...toMethodRules(name, signature),
  handler: METHOD_HANDLERS[kind][name]!,
  isLong: isLong(kind, name),
});

function toMethodRules<N extends string>(name: N, signature: Signature): MethodRules & { readonly name: N } {
  const { takes } = signature;
  return {
    name,
    signature,
    maxArguments: takes.at(-1) === '...value' ? MAX_ITEMS_PER_CALL : takes.length,
    // The comparison only walks the argument as far as it is equal.
    lists: name === 'equals' ? [] : getIndices(takes, (role) => LIST_ROLES.includes(role)),
    plain: name === 'page' ? [] : getIndices(takes, (role) => role === 'plain'),
  };
}

const getIndices = (takes: readonly ArgumentRole[], matches: (role: ArgumentRole) => boolean): readonly number[] =>
  takes.flatMap((role, nth) => (matches(role) ? [nth] : []));

/** Methods by name, for each kind of store. A Map has no inherited names, whatever a message asks for. */
const METHODS: ReadonlyMap<Kind, ReadonlyMap<unknown, StoreMethod>> = new Map(
  (Object.keys(SIGNATURES) as Kind[]).map((kind) => [
    kind,
    new Map(Object.entries(SIGNATURES[kind]).map(([name, signature]) => [name, toStoreMethod(kind, name, signature)])),
  ]),
);

/** Returns a method of a kind; undefined for any other name in a message. */
const getMethod = (kind: Kind, name: unknown): StoreMethod | undefined => METHODS.get(kind)?.get(name);

const STREAM_STEPS: ReadonlyMap<unknown, StreamStep> = new Map(
  Object.entries(VALUE_STREAM_SIGNATURES).map(([name, signature]) => [
    name,
    toMethodRules(name as keyof ValueStreamContract, signature),
  ]),
);

const getStreamStep = (name: unknown): StreamStep | undefined => STREAM_STEPS.get(name);

/** Returns an open store by its name; throws `NO_SUCH_STORE`. */
export type FindStore = (name: string) => BridgeStore;

/** What a page may do, and what it has in flight. */
export interface SessionContext {
  readonly permit: SessionGrant;
  readonly streams: ValueStreams;
  readonly findStore: FindStore;
}

/** A store with the rights of one page. */
export interface AuthorizedStore {
  readonly name: string;
  readonly store: BridgeStore;
  readonly kind: Kind;
  readonly context: SessionContext;
  /** An access that has already been checked. */
  granted: Access;
}

/**
 * Returns a store for a page.
 *
 * @throws {DiskCacheError} `NOT_ALLOWED`, before revealing whether the store exists; `NO_SUCH_STORE`.
 */
export function resolveStore(name: unknown, context: SessionContext): AuthorizedStore {
  if (typeof name !== 'string') throw new DiskCacheError('NOT_ALLOWED', 'An operation has to name its store');
  context.permit.require(name, 'read');
  const store = context.findStore(name);
  return { name, store, kind: getKind(store), context, granted: 'read' };
}

/**
 * Authorizes an operation: a method of the store's contract, a batch of them, or a step of a streamed value.
 *
 * @throws {DiskCacheError} `NOT_ALLOWED`, `TOO_LARGE` if the grant's byte limit is exceeded, `BAD_OPTION` for a malformed batch.
 */
export function authorize(opened: AuthorizedStore, operation: Operation): AuthorizedCall {
  const method: unknown = operation[1];
  const args = operation.slice(2);
  if (method === 'batch') {
    return authorizeBatch(opened.store, args[0], (step, given) => authorizeMethod(opened, step, given));
  }
  const step = getStreamStep(method);
  if (step !== undefined) return authorizeStreamStep(opened, step, args);
  return authorizeMethod(
    opened,
    method,
    args,
    method === 'get' && opened.kind === 'cache' ? MAX_INLINE_BYTES : undefined,
  );
}

function authorizeMethod(
  opened: AuthorizedStore,
  name: unknown,
  args: readonly unknown[],
  maxValueBytes?: number,
): AuthorizedCall {
  const { store, kind } = opened;
  const method = getMethod(kind, name);
  if (method === undefined) throw noSuchMethod(opened, name);
  const access = assertAccess(opened, method, args);
  for (const place of method.plain) assertPlain(method, place, args[place]);
  const { handler, isLong } = method;
  return {
    access,
    alone: method.signature.alone,
    isLong,
    maxValueBytes,
    run: () => handler(store, ...args),
    openSlices: isLong ? getSlices(kind, method.name, store, args) : undefined,
  };
}

function authorizeStreamStep(opened: AuthorizedStore, step: StreamStep, args: readonly unknown[]): AuthorizedCall {
  const { store, context } = opened;
  const access = assertAccess(opened, step, args);
  const handler = context.streams[step.name] as MethodHandler;
  return { access, alone: true, run: () => handler.call(context.streams, store, ...args) };
}

function noSuchMethod({ name, kind }: AuthorizedStore, method: unknown): DiskCacheError {
  const shownName = typeof method === 'string' ? `"${method.slice(0, 64)}"` : `(${typeof method})`;
  return new DiskCacheError('NOT_ALLOWED', `No such operation: ${shownName} on the ${kind} "${truncate(name)}"`);
}

/** Returns the access that a call needs. Throws if it isn't granted. */
function assertAccess(opened: AuthorizedStore, method: MethodRules, args: readonly unknown[]): Access {
  const { name, kind, store, context } = opened;
  const { signature, maxArguments } = method;
  if (args.length > maxArguments) {
    const hint = ARGUMENT_HINTS[`${kind}.${method.name}`];
    throw new DiskCacheError(
      'BAD_OPTION',
      `"${method.name}" of the ${kind} "${truncate(name)}" takes at most ${maxArguments} ${maxArguments === 1 ? 'argument' : 'arguments'}, not ${args.length}${hint ? `; ${hint}` : ''}`,
    );
  }
  for (const place of method.lists) assertItemCount(method, signature.takes[place]!, countItems(args[place]));
  const isPatch = kind === 'settings' && method.name === 'set' && args.length === 1;
  if (isPatch) assertItemCount(method, 'paths', Object.keys(Object(args[0])).length);
  const access = getRequiredAccess(signature, args);
  // The calls of one turn mostly need the same access, so remember the last one that was checked.
  if (access !== opened.granted && access !== 'read') {
    context.permit.require(name, access);
    opened.granted = access;
  }
  if (access !== 'read' && context.permit.isLimited) {
    const items = isPatch ? listPatchItems(args[0]) : listStoredItems(signature, method.name, args);
    context.permit.charge(items, repeatsSharedParts(store));
  }
  return access;
}

/**
 * Refuses arrays and byte views in place of numbers: converting one to a string would follow every path through its contents.
 *
 * @throws {DiskCacheError} `BAD_OPTION`
 */
function assertPlain({ name }: MethodRules, place: number, argument: unknown): void {
  if (!Array.isArray(argument) && !ArrayBuffer.isView(argument)) return;
  throw new DiskCacheError(
    'BAD_OPTION',
    `Argument ${place + 1} of "${name}" has to be a number or an object of options`,
  );
}

/** Lists everything that a call stores separately: each value, each entry, and the rows that hold them. */
function* listStoredItems(
  { takes }: Signature,
  method: string,
  args: readonly unknown[],
): Generator<unknown, void, void> {
  const isStored = takes.some((role) => STORED_ROLES.has(role)) || ROW_CREATING_METHODS.has(method);
  for (const [nth, argument] of args.entries()) {
    const role = takes[Math.min(nth, takes.length - 1)];
    const items = role !== undefined && LIST_ROLES.includes(role) && isIterable(argument) ? argument : [argument];
    for (const item of items) {
      yield item;
      if (!isStored) continue;
      if (role === 'key' || role === 'queue') yield* listRow(item);
      else if (role === 'entries') yield* listRow(Object(item)[0]);
      else if (role === 'values' || role === '...value') yield ROW_OVERHEAD;
      else if (role === 'jobs' || role === 'jobOptions') {
        // The group and the dedupe key are stored in the job's row, and as keys of rows of their own.
        const { payload: _, ...rowContent } = Object(item) as { readonly payload?: unknown };
        for (let row = 0; row < ROWS_PER_JOB; row++) yield* listRow(rowContent);
      }
    }
  }
}

/** Lists what a patch of settings stores: its paths and values, in the rows of their top-level members. */
function* listPatchItems(patch: unknown): Generator<unknown, void, void> {
  yield patch;
  const names = new Set(Object.keys(Object(patch)).map((path) => path.split('.', 1)[0]));
  for (const name of names) yield* listRow(name);
}

/** A key is stored in its row and in an index, in pages that are partly empty. */
function* listRow(key: unknown): Generator<unknown, void, void> {
  yield ROW_OVERHEAD;
  yield key;
  yield key;
}

/** The other columns of a row, and its index entries: about 90 bytes. */
const ROW_OVERHEAD = new Uint8Array(64);
const ROWS_PER_JOB = 3;

/** The roles of arguments that are stored; and the methods that store something without such an argument. */
const STORED_ROLES: ReadonlySet<ArgumentRole> = new Set([
  'value',
  '...value',
  'values',
  'entries',
  'jobs',
] satisfies ArgumentRole[]);
const ROW_CREATING_METHODS: ReadonlySet<string> = new Set(['incr', 'decr', 'openUpload']);

const isIterable = (argument: unknown): argument is Iterable<unknown> =>
  typeof argument === 'object' && argument !== null && Symbol.iterator in argument;

/** JSON, and possibly a custom codec, writes a shared object once for each reference. */
const repeatsSharedParts = (store: BridgeStore): boolean => !('codec' in store) || store.codec !== 'structured';

/** @throws {DiskCacheError} `TOO_LARGE` for a call that would block the main process too long. */
function assertItemCount({ name }: MethodRules, items: string, count: number): void {
  if (count <= MAX_ITEMS_PER_CALL) return;
  throw new DiskCacheError(
    'TOO_LARGE',
    `"${name}" takes at most ${MAX_ITEMS_PER_CALL} ${items} in one call, not ${count}; make several calls`,
  );
}

const countItems = (items: unknown): number =>
  items instanceof Set || items instanceof Map ? items.size : Number(Object(items).length ?? 0);

/** Hints for arguments that would otherwise be ignored. */
const ARGUMENT_HINTS: Readonly<Record<string, string>> = {
  'cache.get': NO_DEFAULT_HINT,
  'index.get': NO_DEFAULT_HINT,
  'index.set': NO_OPTIONS_HINT,
  'index.setMany': NO_OPTIONS_HINT,
};
