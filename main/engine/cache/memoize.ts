import { DiskCacheError, type ErrorCode } from '../../../protocol/error.ts';
import type { Key } from '../../../protocol/key.ts';
import type { SetOptions } from '../../../protocol/options.ts';
import { createIdentity, hasExited, type ProcessIdentity } from '../process-identity.ts';
import { computeExpiresAt } from '../space/policy.ts';
import { runAndWarn } from '../space/warnings.ts';
import { sleepBlocking } from '../sqlite/busy-retry.ts';
import type { Core, Lease } from '../state/core.ts';
import {
  assertFunction,
  assertOptions,
  assertSetOptions,
  isRecord,
  isThenable,
  toTagColumn,
  wrapListener,
} from '../validate.ts';
import { encodeKey, type KeyColumn } from '../values/key.ts';
import { get, readEntry } from './read.ts';
import { set } from './write.ts';

/** A holder that does not renew for so long is taken for dead; one whose process is gone, at once. */
const LEASE_SECONDS = 30;
const LEASE_RENEWAL_INTERVAL_MS = 10_000;

const RENEWAL_ACTIVITY = 'Renewing or ending a lease of';

/** Acquires the lease of a name; undefined if another call holds it. */
export function takeLease(core: Core, name: KeyColumn): Lease | undefined {
  const { sql } = core;
  const owner = createIdentity();
  const holder = JSON.stringify(owner);
  releaseIfExited(core, name);
  if (sql.takeLease.run(name, holder, owner.pid, LEASE_SECONDS).changes === 0) return undefined;
  const timer = setInterval(() => renewLease(core, name, holder), LEASE_RENEWAL_INTERVAL_MS);
  timer.unref();
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
  // Others take it from a holder that has gone.
  for (const lease of [...core.leases]) runAndWarn(core, () => lease.release(), RENEWAL_ACTIVITY);
}

/** Returns whether the lease of a name is held. */
export function isLeased(core: Core, name: KeyColumn): boolean {
  releaseIfExited(core, name);
  return core.sql.leaseHolder.first(name) !== undefined;
}

/** One whose process has ended is not waited for, also when its number was given to another process. */
function releaseIfExited({ sql }: Core, name: KeyColumn): void {
  const [holder] = sql.leaseHolder.first(name) ?? [];
  if (holder !== undefined && hasExited(parseHolder(holder))) sql.releaseLease.run(name, holder);
}

const parseHolder = (holder: string): ProcessIdentity => JSON.parse(holder) as ProcessIdentity;

/** What the calls of one memoized function share. */
export interface MemoizeContext {
  readonly open: (key: Key) => Core;
  /** Of the results. */
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
  /** Whether the function answered a promise of it. */
  readonly isPromise: boolean;
  /** How long it took, milliseconds. */
  readonly durationMs: number;
}

/** Errors of what was called and with what, not of the store. */
const CALLER_ERRORS: ReadonlySet<ErrorCode> = new Set(['BAD_KEY', 'BAD_VALUE', 'BAD_OPTION']);

/** Milliseconds between two looks whether another process is done. */
const POLL_INTERVAL_MS = 5;

/** One call of a memoized function. */
export class MemoizedCall<R> {
  readonly #context: MemoizeContext;
  /** Undefined when the store can't be used, such as a closed one. */
  readonly #core: Core | undefined;
  readonly #key: Key;
  readonly #column: KeyColumn;
  readonly #id: string;
  readonly #run: () => R;
  #cached: MemoizedResult | undefined;

  constructor(memo: MemoizeContext, key: Key, run: () => R) {
    this.#context = memo;
    this.#key = key;
    this.#column = encodeKey(key);
    this.#id = Buffer.from(this.#column as Uint8Array).toString('latin1');
    this.#run = run;
    this.#core = this.#tryStore(() => memo.open(key));
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

  /** The right to compute, unless it is taken; undefined when the store can't give it: then each computes for itself. */
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
    const facts = readEntry(core, this.#column, now);
    this.#cached = facts?.value as MemoizedResult | undefined;
    if (facts === undefined || facts.expiresAt === null || this.#cached === undefined) return false;
    return now - this.#cached.durationMs * beta * Math.log(Math.random()) >= facts.expiresAt;
  }

  /** With the lease in hand, where the store can give one. */
  #compute(lease: Lease | undefined): R {
    const began = performance.now();
    const before = this.#cached;
    try {
      // Somebody may have finished between the look and the lease.
      if (before === undefined) this.#tryStore(() => this.#readCached());
      if (before === undefined && this.#cached !== undefined) {
        this.#release(lease);
        return toReturnValue(this.#cached);
      }
      const result = this.#callFunction();
      if (isThenable(result)) return this.#serveStale(this.#dedupe(this.#storeWhenResolved(result, began, lease)));
      this.#storeResult(result, false, began);
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

  #storeResult(value: unknown, isPromise: boolean, began: number): void {
    const { open, setOptions } = this.#context;
    const result = { value, isPromise, durationMs: performance.now() - began } satisfies MemoizedResult;
    if (this.#core !== undefined) this.#tryStore(() => set(open(this.#key), this.#key, result, setOptions));
  }

  async #storeWhenResolved(promise: PromiseLike<unknown>, began: number, lease: Lease | undefined): Promise<unknown> {
    try {
      const value = await promise;
      this.#storeResult(value, true, began);
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

  /** Another process computes it: a plain function waits on the spot, as it would for its own computation. */
  #waitForOther(): R {
    if (this.#context.isAsync) return this.#dedupe(this.#waitForOtherAsync()) as R;
    for (;;) {
      sleepBlocking(POLL_INTERVAL_MS);
      const turn = this.#tryTakeOver();
      if (turn !== undefined) return turn.answer;
    }
  }

  async #waitForOtherAsync(): Promise<unknown> {
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS));
      const turn = this.#tryTakeOver();
      if (turn !== undefined) return await turn.answer;
    }
  }

  /** The answer, when the other process is done or gone, or the store can't tell. */
  #tryTakeOver(): { readonly answer: R } | undefined {
    this.#tryStore(() => this.#readCached());
    if (this.#cached !== undefined) return { answer: toReturnValue(this.#cached) };
    const core = this.#core && this.#tryStore(() => this.#context.open(this.#key));
    const isWaiting = core && this.#tryStore(() => isLeased(core, this.#column));
    if (isWaiting) return undefined;
    const lease = isWaiting === undefined ? undefined : this.#tryLease();
    return lease === 'taken' ? undefined : { answer: this.#compute(lease) };
  }
}

const toReturnValue = <R>({ value, isPromise }: MemoizedResult): R => (isPromise ? Promise.resolve(value) : value) as R;

export interface MemoizeOptions<A extends readonly unknown[]> extends SetOptions {
  /** Results are stored under `[name, ...arguments]`. */
  readonly name: string;
  /** What tells calls apart, instead of all arguments. */
  readonly key?: (...args: A) => Key;
  /**
   * Recompute early, now and then before the result expires, so that not everybody finds it expired at once; the greater
   * `beta` (1 is usual), the earlier.
   */
  readonly stampede?: { readonly beta: number };
  /** Told when the store failed (`DISK_FULL`, `TOO_LARGE`, `BUSY`, `CLOSED`, …); the caller gets the result of `fn` all the same. */
  readonly onStoreFailure?: (error: unknown, key: Key) => void;
}

/**
 * A function that remembers what `fn` answered, on disk. Of several calls with equal arguments at the same time, in all
 * processes, one runs and the others wait for it. What `fn` throws is not remembered. A process that dies lets go at once, a
 * worker thread that is terminated after 30 s; a plain function that runs longer than 30 s may be run by a second process.
 *
 * When the store fails, `fn` runs and its result is the answer, and `onStoreFailure` is told: then several may run at the same time.
 *
 * @throws {DiskCacheError} `BAD_OPTION`; the returned function throws `BAD_KEY` when an argument can't be in a key, and `BAD_VALUE`
 * when the result is nothing that can be stored.
 */
export function memoize<A extends readonly unknown[], R>(
  open: (key: Key) => Core,
  fn: (...args: A) => R,
  options: MemoizeOptions<A>,
): (...args: A) => R {
  assertFunction(fn, 'what memoize remembers');
  const { name, key: keyFor, stampede, onStoreFailure = () => {}, ...setOptions } = assertMemoizeOptions(options);
  const context: MemoizeContext = {
    open,
    setOptions: lookedAt(assertSetOptions(setOptions)),
    beta: stampede?.beta,
    onStoreFailure: wrapListener(onStoreFailure, 'onStoreFailure'),
    isAsync: Object.prototype.toString.call(fn) === '[object AsyncFunction]',
    pending: new Map(),
    computing: new Set(),
  };
  return function memoized(this: unknown, ...args: A): R {
    const key: Key = keyFor ? [name, keyFor(...args)] : [name, ...(dropTrailingUndefined(args) as Key[])];
    return new MemoizedCall<R>(context, key, () => Reflect.apply(fn, this, args)).resolve();
  };
}

/** At once, and not when the first result is stored. */
function lookedAt(stored: SetOptions): SetOptions {
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
