import { formatValue } from '../../../protocol/describe-value.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import type { Key } from '../../../protocol/key.ts';
import { MAX_TIMER_MS } from '../../../protocol/options.ts';
import type { Clock } from '../space/policy.ts';
import { sleepBlocking } from '../sqlite/busy-retry.ts';
import { assertFunction, assertOptions } from '../validate.ts';
import { type AcquireOptions, sleep } from './acquire.ts';
import type { LockLike } from './locks.ts';
import { RecipeRow, type RecipeStore } from './recipes.ts';

/** Whether a function was declared `async`. A function that merely returns a promise can't be recognized before it is called. */
const isAsyncFunction = (fn: unknown): boolean => Object.prototype.toString.call(fn) === '[object AsyncFunction]';

/** Returns the key of a decorated function's row, by default made of the function's name. @throws {DiskCacheError} `BAD_OPTION` */
function toRowKey(recipe: string, fn: unknown, name: Key | undefined): Key {
  if (typeof fn !== 'function') throw new DiskCacheError('BAD_OPTION', `${recipe} takes a function`);
  if (name !== undefined) return name;
  if (fn.name !== '') return [recipe, fn.name];
  throw new DiskCacheError('BAD_OPTION', `${recipe} was given a function without a name; give { name }`);
}

/** Gives a decorated function the name of the original, so that decorators can be stacked. */
function copyName<F extends (...args: never) => unknown>(decorated: F, fn: { readonly name: string }): F {
  return Object.defineProperty(decorated, 'name', { value: fn.name, configurable: true });
}

export interface BarrierOptions extends AcquireOptions {
  /** The key of the lock: functions with the same name exclude each other. Default: `['barrier', fn.name]`. */
  readonly name?: Key;
}

const BARRIER_OPTIONS: ReadonlySet<string> = new Set(['name', 'timeout']);

/** The class `Lock` or `RLock`, or a function that creates a lock or semaphore with options. */
export type LockFactory<S extends RecipeStore = RecipeStore> =
  | (new (
      store: S,
      key: Key,
    ) => LockLike)
  | ((store: S, key: Key) => LockLike);

/**
 * Returns a decorator: the decorated function runs once at a time across processes, or as often as the lock of `lockFactory` allows.
 * Callers wait in order; an `async` function waits without blocking, any other function blocks its thread.
 *
 * The state is the lock's row, under `name`; a call costs one acquire and one release.
 *
 * @throws {DiskCacheError} `BAD_OPTION`; the decorated function throws `TIMEOUT` after `timeout`, without having run.
 */
export function barrier<S extends RecipeStore>(store: S, lockFactory: LockFactory<S>, options?: BarrierOptions) {
  if (typeof lockFactory !== 'function') {
    throw new DiskCacheError('BAD_OPTION', 'barrier takes a lock class, or a function (store, key) that makes a lock');
  }
  const { name, ...acquireOptions } = assertOptions(options, BARRIER_OPTIONS);

  return <A extends readonly unknown[], R>(fn: (...args: A) => R): ((...args: A) => R) => {
    const lock = createLock(lockFactory, store, toRowKey('barrier', fn, name));
    if (isAsyncFunction(fn)) {
      const decorated = async function (this: unknown, ...args: A): Promise<unknown> {
        return lock.run(() => Reflect.apply(fn, this, args), acquireOptions);
      };
      return copyName(decorated as (...args: A) => R, fn);
    }
    return copyName(function (this: unknown, ...args: A): R {
      const handle = lock.acquire(acquireOptions);
      try {
        return Reflect.apply(fn, this, args);
      } finally {
        handle.release();
      }
    }, fn);
  };
}

function createLock<S extends RecipeStore>(factory: LockFactory<S>, store: S, key: Key): LockLike {
  // Arrow functions and methods have no prototype and can't be constructed; classes can't be called.
  return isLockClass(factory) ? new factory(store, key) : factory(store, key);
}

const isLockClass = <S extends RecipeStore>(factory: LockFactory<S>): factory is new (store: S, key: Key) => LockLike =>
  typeof factory.prototype === 'object';

export interface ThrottleOptions {
  /** The key of the bucket: functions with the same name share it. Default: `['throttle', fn.name]`. */
  readonly name?: Key;
  /** Maximum wait in milliseconds. A call that would wait longer fails at once and takes no token. Default: no limit. */
  readonly timeout?: number;
  /** Returns the current time in epoch milliseconds. Default `Date.now`. */
  readonly clock?: Clock;
}

const THROTTLE_OPTIONS: ReadonlySet<string> = new Set(['name', 'timeout', 'clock']);

interface Bucket {
  /** When the bucket will be full again if there are no more calls. If that is more than `ms` away, calls are waiting. */
  readonly fullAt: number;
  /** When a token was last taken, to detect a clock that was set back. */
  readonly at: number;
}

/**
 * Returns a decorator: all processes together may call the decorated function `count` times per `ms` milliseconds. A token bucket
 * holds `count` tokens and is filled evenly: after a pause `count` calls pass at once, and in any `t` milliseconds at most
 * `count + t/ms · count`. A call that must wait takes its token in advance, in one transaction, and sleeps until the token is due, so
 * calls are in order and don't poll. The bucket is on disk and survives a restart.
 *
 * An `async` function waits without blocking; any other function blocks its thread, so wrap a function that returns a promise in an
 * `async` one. The state is the row of `name`; a call is one transaction, O(log n).
 *
 * Token bucket: Turner, "New Directions in Communications", IEEE Communications Magazine 24 (10), 1986; stored as a single point in
 * time, as in the virtual scheduling algorithm of ITU-T I.371.
 *
 * @throws {DiskCacheError} `BAD_OPTION`; the decorated function throws `TIMEOUT`, and `BAD_VALUE` if the row holds something else.
 */
export function throttle(store: RecipeStore, count: number, ms: number, options?: ThrottleOptions) {
  for (const [name, value] of Object.entries({ count, ms })) {
    if (typeof value === 'number' && value > 0 && value < Number.POSITIVE_INFINITY) continue;
    throw new DiskCacheError('BAD_OPTION', `${name} is ${formatValue(value, "'")}; give a number above 0`);
  }
  if (count < 1) throw new DiskCacheError('BAD_OPTION', `count is ${count}; give at least 1, with a longer time`);
  const chosen = assertOptions(options, THROTTLE_OPTIONS);
  const { name: key, timeout = Number.POSITIVE_INFINITY, clock = Date.now } = chosen;
  assertFunction(clock, 'clock');
  if (!(typeof timeout === 'number' && timeout >= 0)) {
    throw new DiskCacheError('BAD_OPTION', `timeout is ${formatValue(timeout, "'")}; give a number of milliseconds`);
  }

  return <A extends readonly unknown[], R>(fn: (...args: A) => R): ((...args: A) => R) => {
    const row = new RecipeRow<Bucket>(store, toRowKey('throttle', fn, key), 'throttle');
    if (isAsyncFunction(fn)) {
      const decorated = async function (this: unknown, ...args: A): Promise<unknown> {
        for (let remainingMs = takeToken(row); remainingMs > 0; remainingMs -= MAX_TIMER_MS)
          await sleep(Math.min(remainingMs, MAX_TIMER_MS));
        return Reflect.apply(fn, this, args);
      };
      return copyName(decorated as (...args: A) => R, fn);
    }
    return copyName(function (this: unknown, ...args: A): R {
      const wait = takeToken(row);
      if (wait > 0) sleepBlocking(wait);
      return Reflect.apply(fn, this, args);
    }, fn);
  };

  /** Takes a token. Returns the milliseconds until it is due. @throws {DiskCacheError} `TIMEOUT` */
  function takeToken(row: RecipeRow<Bucket>): number {
    const wait = row.store.transact(() => {
      const now = clock();
      const { fullAt, at } = row.read() ?? { fullAt: now, at: now };
      // If the clock was set back, the bucket moves with it, even if no token is taken.
      const full = Math.max(now, fullAt - Math.max(0, at - now));
      const next = full + ms / count;
      const waitMs = next - ms - now;
      if (waitMs <= timeout) row.write({ fullAt: next, at: now });
      else if (now < at) row.write({ fullAt: full, at: now });
      return waitMs;
    });
    if (wait <= timeout) return wait;
    throw new DiskCacheError(
      'TIMEOUT',
      `${row} has no token for the next ${Math.ceil(wait)} ms; the rate is ${count} per ${ms} ms, try again later`,
    );
  }
}
