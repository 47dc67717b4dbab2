import { DiskCacheError, type ErrorCode } from '../../../protocol/error.ts';
import type { Key } from '../../../protocol/key.ts';
import type { SetOptions } from '../../../protocol/options.ts';
import { runAndWarn } from '../diagnostics.ts';
import { createIdentity, hasExited, type ProcessIdentity } from '../process-identity.ts';
import { unrefTimer } from '../realm.ts';
import { computeExpiresAt } from '../space/policy.ts';
import { sleepBlocking } from '../sqlite/busy-retry.ts';
import type { Core, Lease } from '../state/core.ts';
import { assertFunction, assertOptions, isRecord, isThenable, toTagColumn, wrapListener } from '../validate.ts';
import { encodeKey, type KeyColumn } from '../values/key.ts';
import { get, readEntry } from './read.ts';
import { set } from './write.ts';

/** A holder that doesn't renew its lease for this long counts as dead; one whose process has exited, at once. */
const LEASE_SECONDS = 30;
const LEASE_RENEWAL_INTERVAL_MS = 10_000;

const RENEWAL_ACTIVITY = 'Renewing or ending a lease of';

/** Acquires the lease of a name; undefined if another call holds it. */
function takeLease(core: Core, name: KeyColumn): Lease | undefined {
  const { sql } = core;
  const owner = createIdentity();
  const holder = JSON.stringify(owner);
  releaseIfExited(core, name);
  if (sql.takeLease.run(name, holder, owner.pid, LEASE_SECONDS).changes === 0) return undefined;
  const timer = setInterval(() => renewLease(core, name, holder), LEASE_RENEWAL_INTERVAL_MS);
  unrefTimer(timer);
  const lease: Lease = {
    release() {
      clearInterval(timer);
      if (core.leases.delete(lease)) sql.releaseLease.run(name, holder);
    },
  };
  core.leases.add(lease);
  return lease;
}

/** If the write lock is held for too long, the next renewal tries again; there are two more before the lease ends. */
function renewLease(core: Core, name: KeyColumn, holder: string): void {
  runAndWarn(core, () => core.sql.renewLease.run(LEASE_SECONDS, name, holder), RENEWAL_ACTIVITY);
}

/** At close: calls that still compute no longer share their result. */
export function releaseLeases(core: Core): void {
  // Others take over the lease of a holder that has exited.
  for (const lease of [...core.leases]) runAndWarn(core, () => lease.release(), RENEWAL_ACTIVITY);
}

/** Returns whether the lease of a name is held. */
function isLeased(core: Core, name: KeyColumn): boolean {
  releaseIfExited(core, name);
  return core.sql.leaseHolder.first(name) !== undefined;
}

/** Releases a lease whose process has exited, also if another process has got the same pid. */
function releaseIfExited({ sql }: Core, name: KeyColumn): void {
  const [holder] = sql.leaseHolder.first(name) ?? [];
  if (holder !== undefined && hasExited(parseHolder(holder))) sql.releaseLease.run(name, holder);
}

const parseHolder = (holder: string): ProcessIdentity => JSON.parse(holder) as ProcessIdentity;

/** What the calls of one memoized function share. */
interface MemoizeContext {
  readonly open: (key: Key) => Core;
  /** The options of stored results. */
  readonly setOptions: SetOptions;
  /** How early to recompute; undefined: not before the result has expired. */
  readonly beta: number | undefined;
  readonly isAsync: boolean;
  /** Never throws. */
  readonly onStoreFailure: (error: unknown, key: Key) => void;
  /** Promises that are waited for, by encoded key. */
  readonly pending: Map<string, Promise<unknown>>;
  /** Encoded keys whose computation is on the stack. */
  readonly computing: Set<string>;
}

/** A result as it is stored. */
interface MemoizedResult {
  readonly value: unknown;
  /** Whether the function returned it as a promise. */
  readonly isPromise: boolean;
  /** How long the function ran. Milliseconds. */
  readonly durationMs: number;
}

/** Errors in the caller's arguments, not of the store. */
const CALLER_ERRORS: ReadonlySet<ErrorCode> = new Set(['BAD_KEY', 'BAD_VALUE', 'BAD_OPTION']);

/** How often a waiter checks whether another process is done. */
const POLL_INTERVAL_MS = 5;

/** One call of a memoized function. */
class MemoizedCall<R> {
  readonly #context: MemoizeContext;
  /** Undefined when the store can't be used, such as a closed one. */
  readonly #core: Core | undefined;
  readonly #key: Key;
  readonly #column: KeyColumn;
  readonly #id: string;
  readonly #run: () => R;
  #cached: MemoizedResult | undefined;

  constructor(context: MemoizeContext, key: Key, run: () => R) {
    this.#context = context;
    this.#key = key;
    this.#column = encodeKey(key);
    this.#id = Buffer.from(this.#column as Uint8Array).toString('latin1');
    this.#run = run;
    this.#core = this.#tryStore(() => context.open(key));
  }

  resolve(): R {
    const { pending, computing } = this.#context;
    const isDue = this.#tryStore(() => this.#readCached()) ?? false;
    if (this.#cached !== undefined && !isDue) return toReturnValue(this.#cached);
    const core = this.#core;
    // A recursive call would wait for itself; in a transaction no other call could finish; a read-only store keeps nothing.
    if (computing.has(this.#id) || (core && (core.transaction.depth > 0 || core.openOptions.readOnly)))
      return this.#run();
    const shared = pending.get(this.#id);
    if (shared !== undefined) return this.#serveStale(shared);
    const lease = this.#tryLease();
    if (lease !== 'taken') return this.#compute(lease);
    return this.#cached === undefined ? this.#waitForOther() : toReturnValue(this.#cached);
  }

  /** Uses the store for a call. If the store fails, the call continues without it; errors in the caller's arguments are thrown. */
  #tryStore<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      if (error instanceof DiskCacheError && CALLER_ERRORS.has(error.code)) throw error;
      this.#context.onStoreFailure(error, this.#key);
      return undefined;
    }
  }

  /** Acquires the lease for computing; returns 'taken' if another call holds it, undefined if the store fails: then each computes for itself. */
  #tryLease(): Lease | 'taken' | undefined {
    const core = this.#core;
    return core && this.#tryStore(() => takeLease(core, this.#column) ?? 'taken');
  }

  #release(lease: Lease | undefined): void {
    if (lease !== undefined) this.#tryStore(() => lease.release());
  }

  /**
   * Reads the cached result; returns whether it is time to compute it again, by "Optimal Probabilistic Cache Stampede Prevention"
   * (Vattani, Chierichetti, Lowenstein, VLDB 2015).
   */
  #readCached(): boolean {
    const { beta } = this.#context;
    const core = this.#core;
    this.#cached = undefined;
    if (core === undefined) return false;
    if (beta === undefined) {
      this.#cached = get(core, this.#key) as MemoizedResult | undefined;
      return false;
    }
    const now = core.clock();
    const entry = readEntry(core, this.#column, now);
    this.#cached = entry?.value as MemoizedResult | undefined;
    if (entry === undefined || entry.expiresAt === null || this.#cached === undefined) return false;
    return now - this.#cached.durationMs * beta * Math.log(Math.random()) >= entry.expiresAt;
  }

  /** Computes the result and stores it, under the lease if the store could give one. */
  #compute(lease: Lease | undefined): R {
    const startedAt = performance.now();
    const before = this.#cached;
    try {
      // Another call may have stored a result before this one got the lease.
      if (before === undefined) this.#tryStore(() => this.#readCached());
      if (before === undefined && this.#cached !== undefined) {
        this.#release(lease);
        return toReturnValue(this.#cached);
      }
      const result = this.#callFunction();
      if (isThenable(result)) return this.#serveStale(this.#dedupe(this.#storeWhenResolved(result, startedAt, lease)));
      this.#storeResult(result, false, startedAt);
      this.#release(lease);
      return result;
    } catch (error) {
      this.#release(lease);
      if (before !== undefined) return toReturnValue(before);
      throw error;
    }
  }

  #callFunction(): R {
    const { computing } = this.#context;
    computing.add(this.#id);
    try {
      return this.#run();
    } finally {
      computing.delete(this.#id);
    }
  }

  #storeResult(value: unknown, isPromise: boolean, startedAt: number): void {
    const { open, setOptions } = this.#context;
    const result = { value, isPromise, durationMs: performance.now() - startedAt } satisfies MemoizedResult;
    if (this.#core !== undefined) this.#tryStore(() => set(open(this.#key), this.#key, result, setOptions));
  }

  async #storeWhenResolved(
    promise: PromiseLike<unknown>,
    startedAt: number,
    lease: Lease | undefined,
  ): Promise<unknown> {
    try {
      const value = await promise;
      this.#storeResult(value, true, startedAt);
      return value;
    } finally {
      this.#release(lease);
    }
  }

  /** Shares one promise with all calls until it settles. */
  #dedupe(promise: Promise<unknown>): Promise<unknown> {
    const { pending } = this.#context;
    const shared = promise.finally(() => pending.delete(this.#id));
    pending.set(this.#id, shared);
    return shared;
  }

  /** Serves the stale result while recomputing; if that fails, the first call after expiry gets the error. */
  #serveStale(promise: Promise<unknown>): R {
    if (this.#cached === undefined) return promise as R;
    promise.catch(() => {});
    return toReturnValue(this.#cached);
  }

  /** Another process computes it: a synchronous function blocks, as during its own computation. */
  #waitForOther(): R {
    if (this.#context.isAsync) return this.#dedupe(this.#waitForOtherAsync()) as R;
    for (;;) {
      sleepBlocking(POLL_INTERVAL_MS);
      const outcome = this.#tryTakeOver();
      if (outcome !== undefined) return outcome.result;
    }
  }

  async #waitForOtherAsync(): Promise<unknown> {
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS));
      const outcome = this.#tryTakeOver();
      if (outcome !== undefined) return await outcome.result;
    }
  }

  /** Returns the result if the other process is done or has exited, or if the store fails; undefined to wait on. */
  #tryTakeOver(): { readonly result: R } | undefined {
    this.#tryStore(() => this.#readCached());
    if (this.#cached !== undefined) return { result: toReturnValue(this.#cached) };
    const core = this.#core && this.#tryStore(() => this.#context.open(this.#key));
    const isWaiting = core && this.#tryStore(() => isLeased(core, this.#column));
    if (isWaiting) return undefined;
    const lease = isWaiting === undefined ? undefined : this.#tryLease();
    return lease === 'taken' ? undefined : { result: this.#compute(lease) };
  }
}

const toReturnValue = <R>({ value, isPromise }: MemoizedResult): R => (isPromise ? Promise.resolve(value) : value) as R;

export interface MemoizeOptions<A extends readonly unknown[]> extends SetOptions {
  /** Results are stored under `[name, ...arguments]`. */
  readonly name: string;
  /** Returns the key by which calls are distinguished. Default: all arguments. */
  readonly key?: (...args: A) => Key;
  /**
   * Recomputes at random times shortly before a result expires, so that callers don't all find it expired at once. The greater `beta`
   * (1 is usual), the earlier.
   */
  readonly stampede?: { readonly beta: number };
  /** Called when the store has failed (`DISK_FULL`, `TOO_LARGE`, `BUSY`, `CLOSED`, …); the caller still gets the result of `fn`. */
  readonly onStoreFailure?: (error: unknown, key: Key) => void;
}

/**
 * Returns a function that caches the results of `fn` on disk. Of several calls with equal arguments at the same time, in all
 * processes, one runs and the others wait for it. Errors of `fn` are not cached. The lease of a process that dies is released at once,
 * that of a terminated worker thread after 30 s; a synchronous function that runs longer than 30 s may also be run by a second process.
 *
 * If the store fails, `fn` runs, its result is returned, and `onStoreFailure` is called: several calls may then run at the same time.
 *
 * @throws {DiskCacheError} `BAD_OPTION`; the returned function throws `BAD_KEY` when an argument can't be in a key, and `BAD_VALUE`
 * if the result can't be stored.
 */
export function memoize<A extends readonly unknown[], R>(
  open: (key: Key) => Core,
  fn: (...args: A) => R,
  options: MemoizeOptions<A>,
): (...args: A) => R {
  assertFunction(fn, 'the first argument of memoize');
  const { name, key: getKey, stampede, onStoreFailure = () => {}, ...setOptions } = assertMemoizeOptions(options);
  const context: MemoizeContext = {
    open,
    setOptions: checkSetOptions(assertOptions(setOptions, STORED_OPTIONS)),
    beta: stampede?.beta,
    onStoreFailure: wrapListener(onStoreFailure, 'onStoreFailure'),
    isAsync: Object.prototype.toString.call(fn) === '[object AsyncFunction]',
    pending: new Map(),
    computing: new Set(),
  };
  return function memoized(this: unknown, ...args: A): R {
    const key: Key = getKey ? [name, getKey(...args)] : [name, ...(dropTrailingUndefined(args) as Key[])];
    return new MemoizedCall<R>(context, key, () => Reflect.apply(fn, this, args)).resolve();
  };
}

/** Without `expiresAt`: every result lives equally long. */
const STORED_OPTIONS: ReadonlySet<string> = new Set(['ttl', 'tag']);

/** Checks the options now and not when the first result is stored. */
function checkSetOptions(stored: SetOptions): SetOptions {
  computeExpiresAt(0, stored.ttl);
  if (stored.tag !== undefined) toTagColumn(stored.tag);
  return stored;
}

const STAMPEDE_OPTIONS: ReadonlySet<string> = new Set(['beta']);

function assertMemoizeOptions<A extends readonly unknown[]>(options: MemoizeOptions<A>): MemoizeOptions<A> {
  const { name, key, stampede, onStoreFailure } = isRecord(options) ? options : ({} as Partial<MemoizeOptions<A>>);
  if (typeof name !== 'string' || name === '')
    throw new DiskCacheError('BAD_OPTION', 'memoize needs a name for its results');
  if (key !== undefined && typeof key !== 'function')
    throw new DiskCacheError('BAD_OPTION', 'key has to be a function');
  if (onStoreFailure !== undefined && typeof onStoreFailure !== 'function')
    throw new DiskCacheError('BAD_OPTION', 'onStoreFailure has to be a function');
  if (stampede !== undefined && !(assertOptions(stampede, STAMPEDE_OPTIONS, 'stampede').beta! > 0)) {
    throw new DiskCacheError('BAD_OPTION', 'stampede has to be an object { beta } with beta above 0');
  }
  return options;
}

/** `f(1, undefined)` is `f(1)`. */
function dropTrailingUndefined(args: readonly unknown[]): readonly unknown[] {
  let length = args.length;
  while (length > 0 && args[length - 1] === undefined) length--;
  return args.slice(0, length);
}
