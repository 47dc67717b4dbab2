import { DiskCacheError } from '../../../protocol/error.ts';
import type { Key } from '../../../protocol/key.ts';
import type { SetOptions } from '../../../protocol/options.ts';
import { expiresAt } from '../policy/expiry.ts';
import { asListener } from '../warning.ts';
import { demandFunction, isRecord, optionsOf, setOptionsOf, tagColumn } from './arguments.ts';
import { Call, type Memo } from './call.ts';
import type { Core } from './core.ts';

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
  /** Told when the store failed (`DISK_FULL`, `TOO_LARGE`, `BUSY`, `CLOSED`, …); who asked gets what `fn` answers all the same. */
  readonly onStoreFailure?: (error: unknown, key: Key) => void;
}

/**
 * A function that remembers what `fn` answered, on disk. Of several calls with equal arguments at the same time, in all
 * processes, one runs and the others wait for it. What `fn` throws is not remembered. A process that dies lets go at once, a
 * worker thread that is terminated after 30 s; a plain function that runs longer than 30 s may be run by a second process.
 *
 * When the store fails, `fn` runs and its result is the answer, and `onStoreFailure` is told: then several may run at the same time.
 *
 * @throws {DiskCacheError} `BAD_OPTION`; the function it answers throws `BAD_KEY` when an argument can't be in a key, and `BAD_VALUE`
 * when the result is nothing that can be stored.
 */
export function memoize<A extends readonly unknown[], R>(
  open: (key: Key) => Core,
  fn: (...args: A) => R,
  options: MemoizeOptions<A>,
): (...args: A) => R {
  demandFunction(fn, 'what memoize remembers');
  const { name, key: keyFor, stampede, onStoreFailure = () => {}, ...stored } = checked(options);
  const memo: Memo = {
    open,
    stored: lookedAt(setOptionsOf(stored)),
    beta: stampede?.beta,
    onStoreFailure: asListener(onStoreFailure, 'onStoreFailure'),
    isAsync: Object.prototype.toString.call(fn) === '[object AsyncFunction]',
    running: new Map(),
    entered: new Set(),
  };
  return function memoized(this: unknown, ...args: A): R {
    const key: Key = keyFor ? [name, keyFor(...args)] : [name, ...(withoutTrailing(args) as Key[])];
    return new Call<R>(memo, key, () => Reflect.apply(fn, this, args)).answer();
  };
}

/** At once, and not when the first result is stored. */
function lookedAt(stored: SetOptions): SetOptions {
  expiresAt(0, stored.ttl);
  if (stored.tag !== undefined) tagColumn(stored.tag);
  return stored;
}

const STAMPEDE_OPTIONS: ReadonlySet<string> = new Set(['beta']);

function checked<A extends readonly unknown[]>(options: MemoizeOptions<A>): MemoizeOptions<A> {
  const { name, key, stampede, onStoreFailure } = isRecord(options) ? options : ({} as Partial<MemoizeOptions<A>>);
  if (typeof name !== 'string' || name === '')
    throw new DiskCacheError('BAD_OPTION', 'memoize needs a name for its results');
  if (key !== undefined && typeof key !== 'function')
    throw new DiskCacheError('BAD_OPTION', 'key has to be a function');
  if (onStoreFailure !== undefined && typeof onStoreFailure !== 'function')
    throw new DiskCacheError('BAD_OPTION', 'onStoreFailure has to be a function');
  if (stampede !== undefined && !(optionsOf(stampede, STAMPEDE_OPTIONS, 'stampede').beta! > 0)) {
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
