import { DiskCacheError } from '../../../protocol/error.ts';
import type { Key } from '../../../protocol/key.ts';
import { optionsOf } from '../cache/arguments.ts';
import { isAsync, keyOf, named } from './decorated.ts';
import type { Guard } from './guard.ts';
import type { RecipeStore } from './recipe-store.ts';
import type { AcquireOptions } from './waiting.ts';

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
    ) => Guard)
  | ((store: S, key: Key) => Guard);

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
  const { name, ...waiting } = optionsOf(options, BARRIER_OPTIONS);

  return <A extends readonly unknown[], R>(fn: (...args: A) => R): ((...args: A) => R) => {
    const lock = made(lockFactory, store, keyOf('barrier', fn, name));
    if (isAsync(fn)) {
      const guarded = async function (this: unknown, ...args: A): Promise<unknown> {
        return lock.run(() => Reflect.apply(fn, this, args), waiting);
      };
      return named(guarded as (...args: A) => R, fn);
    }
    return named(function (this: unknown, ...args: A): R {
      const hold = lock.acquire(waiting);
      try {
        return Reflect.apply(fn, this, args);
      } finally {
        hold.release();
      }
    }, fn);
  };
}

function made<S extends RecipeStore>(factory: LockFactory<S>, store: S, key: Key): Guard {
  // Arrow functions and methods have no prototype and can't be constructed; classes can't be called.
  return isClass(factory) ? new factory(store, key) : factory(store, key);
}

const isClass = <S extends RecipeStore>(factory: LockFactory<S>): factory is new (store: S, key: Key) => Guard =>
  typeof factory.prototype === 'object';
