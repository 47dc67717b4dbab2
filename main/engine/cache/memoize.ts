import { DiskCacheError } from '../../../protocol/error.ts';
import type { Key } from '../../../protocol/key.ts';
import type { SetOptions } from '../../../protocol/options.ts';
import { encodeKey } from '../values/key.ts';
import { isRecord, setOptionsOf } from './arguments.ts';
import type { Core } from './core.ts';
import { isLeased, type Lease, takeLease } from './lease.ts';
import { liveFacts } from './read.ts';
import { set } from './write.ts';

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
}

/** A result as it is stored. */
interface Result {
  readonly value: unknown;
  /** Whether the function answered a promise of it. */
  readonly promised: boolean;
  /** How long it took, milliseconds. */
  readonly took: number;
}

/** Milliseconds between two looks whether another process is done. */
const PERIOD = 5;

/**
 * A function that remembers what `fn` answered, on disk. Of several calls with equal arguments at the same time, in all
 * processes, one runs and the others wait for it. What `fn` throws is not remembered. A process that dies lets go at once, a
 * worker thread that is terminated after 30 s; a plain function that runs longer than 30 s may be run by a second process.
 *
 * Early recomputation: Vattani, Chierichetti, Lowenstein: "Optimal Probabilistic Cache Stampede Prevention", VLDB 2015.
 *
 * @throws {DiskCacheError} `BAD_OPTION`; the function it answers throws `BAD_KEY` when an argument can't be in a key.
 */
export function memoize<A extends readonly unknown[], R>(
  open: (key: Key) => Core,
  fn: (...args: A) => R,
  options: MemoizeOptions<A>,
): (...args: A) => R {
  if (typeof fn !== 'function') throw new DiskCacheError('BAD_OPTION', 'memoize takes a function');
  const { name, key: keyFor, stampede, ...stored } = checked(options);
  setOptionsOf(stored);
  const running = new Map<string, Promise<unknown>>();
  const entered = new Set<string>();

  return function memoized(this: unknown, ...args: A): R {
    const key: Key = keyFor ? [name, keyFor(...args)] : [name, ...(withoutTrailing(args) as Key[])];
    const core = open(key);
    const column = encodeKey(key);
    const id = Buffer.from(column as Uint8Array).toString('latin1');
    const call = (): R => Reflect.apply(fn, this, args);
    const known = recall();
    if (known !== undefined && !isDue(known)) return answer(known);
    if (entered.has(id) || core.transaction.depth > 0) return call(); // calls itself, or would keep others from finishing
    const shared = running.get(id);
    if (shared !== undefined) return (known === undefined ? shared : answer(known)) as R;
    const lease = takeLease(core, column);
    if (lease !== undefined) return compute(lease);
    return known === undefined ? wait() : answer(known);

    function recall(): (Result & { readonly expiresAt: number | null }) | undefined {
      const facts = liveFacts(core, column, core.clock());
      return facts && { ...(facts.value as Result), expiresAt: facts.expiresAt };
    }

    function isDue({ took, expiresAt }: Result & { readonly expiresAt: number | null }): boolean {
      if (stampede === undefined || expiresAt === null) return false;
      return core.clock() - took * stampede.beta * Math.log(Math.random()) >= expiresAt;
    }

    /** With the lease in hand. */
    function compute(held: Lease): R {
      const began = performance.now();
      const keep = (value: unknown, promised: boolean) =>
        set(open(key), key, { value, promised, took: performance.now() - began } satisfies Result, stored);
      let promise: PromiseLike<unknown> | undefined;
      entered.add(id);
      try {
        // Somebody may have finished between the look and the lease.
        const done = known === undefined ? recall() : undefined;
        if (done !== undefined) return answer(done);
        const result = call();
        if (isThenable(result)) promise = result;
        else keep(result, false);
        if (promise === undefined) return result;
      } finally {
        entered.delete(id);
        if (promise === undefined) held.release();
      }
      return inFlight(settle(promise, keep, held));
    }

    /** One promise for all who ask meanwhile; who still has a result gets that. */
    function inFlight(promise: Promise<unknown>): R {
      const shown = promise.finally(() => running.delete(id));
      running.set(id, shown);
      if (known === undefined) return shown as R;
      shown.catch(() => {}); // the next call after the expiry meets the failure itself
      return answer(known);
    }

    /** Another process computes it: a plain function waits on the spot, as it would for its own computation. */
    function wait(): R {
      if (isAsync(fn)) return inFlight(waitTurns());
      const pause = new Int32Array(new SharedArrayBuffer(4));
      for (;;) {
        Atomics.wait(pause, 0, 0, PERIOD);
        const done = recall();
        if (done !== undefined) return answer(done);
        const lease = isLeased(core, column) ? undefined : takeLease(core, column);
        if (lease !== undefined) return compute(lease);
      }
    }

    async function waitTurns(): Promise<unknown> {
      for (;;) {
        await new Promise((resolve) => setTimeout(resolve, PERIOD));
        open(key);
        const done = recall();
        if (done !== undefined) return done.value;
        const lease = isLeased(core, column) ? undefined : takeLease(core, column);
        if (lease !== undefined) return await compute(lease);
      }
    }
  };
}

async function settle(
  promise: PromiseLike<unknown>,
  keep: (value: unknown, promised: boolean) => void,
  lease: Lease,
): Promise<unknown> {
  try {
    const value = await promise;
    try {
      keep(value, true);
    } catch (error) {
      // A store that was closed meanwhile can't remember it; whoever asked still gets it.
      if (!(error instanceof DiskCacheError) || error.code !== 'CLOSED') throw error;
    }
    return value;
  } finally {
    lease.release();
  }
}

const answer = <R>({ value, promised }: Result): R => (promised ? Promise.resolve(value) : value) as R;

function checked<A extends readonly unknown[]>(options: MemoizeOptions<A>): MemoizeOptions<A> {
  const { name, key, stampede } = isRecord(options) ? options : ({} as Partial<MemoizeOptions<A>>);
  if (typeof name !== 'string' || name === '')
    throw new DiskCacheError('BAD_OPTION', 'memoize needs a name for its results');
  if (key !== undefined && typeof key !== 'function')
    throw new DiskCacheError('BAD_OPTION', 'key has to be a function');
  if (stampede !== undefined && !(stampede?.beta > 0)) {
    throw new DiskCacheError('BAD_OPTION', 'stampede has to be an object { beta } with beta above 0');
  }
  return options;
}

/** `f(1, undefined)` is `f(1)`. */
function withoutTrailing(args: readonly unknown[]): readonly unknown[] {
  let length = args.length;
  while (length > 0 && args[length - 1] === undefined) length--;
  return args.slice(0, length);
}

const isAsync = (fn: unknown): boolean => Object.prototype.toString.call(fn) === '[object AsyncFunction]';

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  isRecord(value) && 'then' in value && typeof value.then === 'function';
