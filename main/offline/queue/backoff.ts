import { DiskCacheError } from '../../../protocol/error.ts';
import { shownValue } from '../../../protocol/fault.ts';
import { optionsOf } from '../../engine/internal.ts';

/** How long a failed job rests before it is tried again. Milliseconds. */
export interface Backoff {
  /** The longest rest after the first failure. Default 1000. */
  readonly initial?: number;
  /** How many times longer it is after each further one. Default 2. */
  readonly factor?: number;
  /** Never longer than this. Default 300 000, five minutes. */
  readonly max?: number;
  /** `'full'`: anything from 0 to the longest rest, so that many that failed together do not come back together. Default. */
  readonly jitter?: 'full' | 'none';
}

export interface Retry {
  /** How often a job is begun at most before it is dead; `Infinity` for without end. Default 10. */
  readonly attempts?: number;
  readonly backoff?: Backoff;
}

/** When to try again. */
export interface Schedule {
  readonly attempts: number;
  readonly backoff: Required<Backoff>;
}

const RETRY_OPTIONS: ReadonlySet<string> = new Set(['attempts', 'backoff']);
const BACKOFF_OPTIONS: ReadonlySet<string> = new Set(['initial', 'factor', 'max', 'jitter']);

/** @throws {DiskCacheError} `BAD_OPTION` */
export function scheduleOf(retry: Retry | undefined): Schedule {
  const { attempts = 10, backoff } = optionsOf(retry, RETRY_OPTIONS, 'retry');
  const {
    initial = 1000,
    factor = 2,
    max = 300_000,
    jitter = 'full',
  } = optionsOf(backoff, BACKOFF_OPTIONS, 'retry.backoff');
  const whole = Number.isSafeInteger(attempts) || attempts === Number.POSITIVE_INFINITY;
  if (!(whole && attempts >= 1)) throw bad('attempts', attempts, 'a whole number from 1, or Infinity');
  if (!(Number.isFinite(initial) && initial >= 0)) throw bad('initial', initial, 'a number of milliseconds from 0');
  if (!(Number.isFinite(max) && max >= 0)) throw bad('max', max, 'a number of milliseconds from 0');
  if (!(Number.isFinite(factor) && factor >= 1)) throw bad('factor', factor, 'a number from 1');
  if (jitter !== 'full' && jitter !== 'none') throw bad('jitter', jitter, '"full" or "none"');
  return { attempts, backoff: { initial, factor, max, jitter } };
}

/**
 * How long a job rests that has failed for the `attempt`th time; undefined when it is not tried again. Exponential, with full
 * jitter: Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 */
export function restAfter({ attempts, backoff }: Schedule, attempt: number, random = Math.random): number | undefined {
  if (attempt >= attempts) return undefined;
  const { initial, factor, max, jitter } = backoff;
  // Infinity · 0 is no number: an `initial` of 0 stays 0 however often it is multiplied.
  const longest = initial === 0 ? 0 : Math.min(max, initial * factor ** (attempt - 1));
  return jitter === 'full' ? random() * longest : longest;
}

const bad = (name: string, value: unknown, wanted: string) =>
  new DiskCacheError('BAD_OPTION', `${name} of retry is ${shownValue(value, "'")}; give ${wanted}`);
