import { formatValue } from '../../../protocol/describe-value.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import type { Key } from '../../../protocol/key.ts';
import { MAX_TIMER_MS } from '../../../protocol/options.ts';
import type { Clock } from '../space/policy.ts';
import { sleepBlocking } from '../sqlite/busy-retry.ts';
import { assertFunction, assertOptions } from '../validate.ts';
import type { AcquireOptions } from './acquire.ts';
import type { LockBase } from './locks.ts';
import { RecipeRow, type RecipeStore } from './recipe-store.ts';
import { sleep } from './waiters.ts';

/** Whether a function waits by awaiting. Known before it is called of `async` functions alone. */
export const isAsyncFunction = (fn: unknown): boolean =>
  Object.prototype.toString.call(fn) === '[object AsyncFunction]';

/** The key of a decorated function's row: the name it is given, or one made of its own. */
export function toRowKey(recipe: string, fn: unknown, name: Key | undefined): Key {
  if (typeof fn !== 'function') throw new DiskCacheError('BAD_OPTION', `${recipe} takes a function`);
  if (name !== undefined) return name;
  if (fn.name !== '') return [recipe, fn.name];
  throw new DiskCacheError('BAD_OPTION', `${recipe} was given a function without a name; give { name }`);
}

/** A decorated function goes by the name of the one inside, so that decorations can be stacked. */
export function copyName<F extends (...args: never) => unknown>(decorated: F, fn: { readonly name: string }): F {
  return Object.defineProperty(decorated, 'name', { value: fn.name, configurable: true });
}

export interface BarrierOptions extends AcquireOptions {
  /** The key of the lock: functions behind one name exclude each other. Default: `['barrier', fn.name]`. */
  readonly name?: Key;
}

const BARRIER_OPTIONS: ReadonlySet<string> = new Set(['name', 'timeout']);

/** `Lock` or `RLock` themselves, or a function that makes a lock or semaphore with options. */
export type LockFactory<S extends RecipeStore = RecipeStore> =
  | (new (
      store: S,
      key: Key,
    ) => LockBase)
  | ((store: S, key: Key) => LockBase);

/**
 * Lets a function be run by one at a time, across processes, or by as many as the lock of `lockFactory` admits. What waits
 * waits in order, an `async` function while the event loop turns, any other one on the spot.
 *
 * The state is the lock's row, under `name`; a call costs what acquiring and releasing does.
 *
 * @throws {DiskCacheError} `BAD_OPTION`; the function it answers throws `TIMEOUT` after `timeout`, without having run.
 */
export function barrier<S extends RecipeStore>(store: S, lockFactory: LockFactory<S>, options?: BarrierOptions) {
  if (typeof lockFactory !== 'function') {
    throw new DiskCacheError('BAD_OPTION', 'barrier takes a lock class, or a function (store, key) that makes a lock');
  }
  const { name, ...acquireOptions } = assertOptions(options, BARRIER_OPTIONS);

  return <A extends readonly unknown[], R>(fn: (...args: A) => R): ((...args: A) => R) => {
    const lock = createLock(lockFactory, store, toRowKey('barrier', fn, name));
    if (isAsyncFunction(fn)) {
      const guarded = async function (this: unknown, ...args: A): Promise<unknown> {
        return lock.run(() => Reflect.apply(fn, this, args), acquireOptions);
      };
      return copyName(guarded as (...args: A) => R, fn);
    }
    return copyName(function (this: unknown, ...args: A): R {
      const hold = lock.acquire(acquireOptions);
      try {
        return Reflect.apply(fn, this, args);
      } finally {
        hold.release();
      }
    }, fn);
  };
}

function createLock<S extends RecipeStore>(factory: LockFactory<S>, store: S, key: Key): LockBase {
  // Arrow functions and methods have no prototype and can't be constructed; classes can't be called.
  return isLockClass(factory) ? new factory(store, key) : factory(store, key);
}

const isLockClass = <S extends RecipeStore>(factory: LockFactory<S>): factory is new (store: S, key: Key) => LockBase =>
  typeof factory.prototype === 'object';

export interface ThrottleOptions {
  /** The key of the bucket: functions throttled under one name share it. Default: `['throttle', fn.name]`. */
  readonly name?: Key;
  /** Most milliseconds a call may have to wait; one that would wait longer fails at once and takes nothing. Default: any. */
  readonly timeout?: number;
  /** Now, in epoch milliseconds. Default `Date.now`. */
  readonly clock?: Clock;
}

const THROTTLE_OPTIONS: ReadonlySet<string> = new Set(['name', 'timeout', 'clock']);

interface Bucket {
  /** When the bucket will be full again if nobody calls any more; beyond `ms` from now, calls are waiting. */
  readonly fullAt: number;
  /** When it was last taken from: a clock that is set back is noticed. */
  readonly at: number;
}

/**
 * Lets a function be called `count` times per `ms` milliseconds by all processes together: a token bucket that holds `count`
 * and is filled evenly, so that after a rest `count` calls go through at once, and `count + ms'/ms · count` in any `ms'`
 * milliseconds at most. A call that has to wait takes its token in advance, in one transaction, and sleeps until it is
 * there: waiting is in order and needs no looking. The bucket is on disk and goes on where it was after a restart.
 *
 * An `async` function waits while the event loop turns; any other one on the spot, so wrap one that answers a promise in an
 * `async` one. Its state is the row of `name`; a call is one transaction, O(log n).
 *
 * Token bucket: Turner, "New Directions in Communications", IEEE Communications Magazine 24 (10), 1986; kept as a single
 * point in time as in the virtual scheduling of ITU-T I.371.
 *
 * @throws {DiskCacheError} `BAD_OPTION`; the throttled function throws `TIMEOUT`, and `BAD_VALUE` when the row holds
 * something else.
 */
export function throttle(store: RecipeStore, count: number, ms: number, options?: ThrottleOptions) {
  for (const [name, value] of Object.entries({ count, ms })) {
    if (typeof value === 'number' && value > 0 && value < Number.POSITIVE_INFINITY) continue;
    throw new DiskCacheError('BAD_OPTION', `${name} is ${formatValue(value, "'")}; give a number above 0`);
  }
  if (count < 1) throw new DiskCacheError('BAD_OPTION', `count is ${count}; give at least 1, and a longer time`);
  const chosen = assertOptions(options, THROTTLE_OPTIONS);
  const { name: key, timeout = Number.POSITIVE_INFINITY, clock = Date.now } = chosen;
  assertFunction(clock, 'clock');
  if (!(typeof timeout === 'number' && timeout >= 0)) {
    throw new DiskCacheError('BAD_OPTION', `timeout is ${formatValue(timeout, "'")}; give a number of milliseconds`);
  }

  return <A extends readonly unknown[], R>(fn: (...args: A) => R): ((...args: A) => R) => {
    const row = new RecipeRow<Bucket>(store, toRowKey('throttle', fn, key), 'throttle');
    if (isAsyncFunction(fn)) {
      const throttled = async function (this: unknown, ...args: A): Promise<unknown> {
        for (let left = takeToken(row); left > 0; left -= MAX_TIMER_MS) await sleep(Math.min(left, MAX_TIMER_MS));
        return Reflect.apply(fn, this, args);
      };
      return copyName(throttled as (...args: A) => R, fn);
    }
    return copyName(function (this: unknown, ...args: A): R {
      const wait = takeToken(row);
      if (wait > 0) sleepBlocking(wait);
      return Reflect.apply(fn, this, args);
    }, fn);
  };

  /** Takes a token; answers the milliseconds until it is there. */
  function takeToken(row: RecipeRow<Bucket>): number {
    const wait = row.store.transact(() => {
      const now = clock();
      const { fullAt, at } = row.read() ?? { fullAt: now, at: now };
      // A clock that was set back takes the bucket with it, also when nothing is taken.
      const full = Math.max(now, fullAt - Math.max(0, at - now));
      const next = full + ms / count;
      const toWait = next - ms - now;
      if (toWait <= timeout) row.write({ fullAt: next, at: now });
      else if (now < at) row.write({ fullAt: full, at: now });
      return toWait;
    });
    if (wait <= timeout) return wait;
    throw new DiskCacheError(
      'TIMEOUT',
      `${row} has no token for the next ${Math.ceil(wait)} ms; ${count} are given out per ${ms} ms`,
    );
  }
}
