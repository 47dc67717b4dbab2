import { DiskCacheError } from '../../../protocol/error.ts';
import { shownValue } from '../../../protocol/fault.ts';
import type { Key } from '../../../protocol/key.ts';
import { MAX_TIMER_MS } from '../../../protocol/timer.ts';
import { demandFunction, optionsOf } from '../cache/arguments.ts';
import type { Clock } from '../policy/expiry.ts';
import { blockFor } from '../sqlite/views.ts';
import { isAsync, keyOf, named } from './decorated.ts';
import { RecipeRow, type RecipeStore } from './recipe-store.ts';
import { pauseInTurn } from './waking.ts';

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
    throw new DiskCacheError('BAD_OPTION', `${name} is ${shownValue(value, "'")}; give a number above 0`);
  }
  if (count < 1) throw new DiskCacheError('BAD_OPTION', `count is ${count}; give at least 1, and a longer time`);
  const chosen = optionsOf(options, THROTTLE_OPTIONS);
  const { name: key, timeout = Number.POSITIVE_INFINITY, clock = Date.now } = chosen;
  demandFunction(clock, 'clock');
  if (!(typeof timeout === 'number' && timeout >= 0)) {
    throw new DiskCacheError('BAD_OPTION', `timeout is ${shownValue(timeout, "'")}; give a number of milliseconds`);
  }

  return <A extends readonly unknown[], R>(fn: (...args: A) => R): ((...args: A) => R) => {
    const row = new RecipeRow<Bucket>(store, keyOf('throttle', fn, key), 'throttle');
    if (isAsync(fn)) {
      const throttled = async function (this: unknown, ...args: A): Promise<unknown> {
        for (let left = take(row); left > 0; left -= MAX_TIMER_MS) await pauseInTurn(Math.min(left, MAX_TIMER_MS));
        return Reflect.apply(fn, this, args);
      };
      return named(throttled as (...args: A) => R, fn);
    }
    return named(function (this: unknown, ...args: A): R {
      const wait = take(row);
      if (wait > 0) blockFor(wait);
      return Reflect.apply(fn, this, args);
    }, fn);
  };

  /** Takes a token; answers the milliseconds until it is there. */
  function take(row: RecipeRow<Bucket>): number {
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
