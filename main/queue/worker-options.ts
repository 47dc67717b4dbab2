import { formatValue } from '../../protocol/describe-value.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import type { Key } from '../engine/index.ts';
import { assertFunction, assertOptions } from '../engine/internal.ts';

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
export interface RetryPolicy {
  readonly attempts: number;
  readonly backoff: Required<Backoff>;
}

const RETRY_OPTIONS: ReadonlySet<string> = new Set(['attempts', 'backoff']);
const BACKOFF_OPTIONS: ReadonlySet<string> = new Set(['initial', 'factor', 'max', 'jitter']);

/** @throws {DiskCacheError} `BAD_OPTION` */
export function parseRetry(retry: Retry | undefined): RetryPolicy {
  const { attempts = 10, backoff } = assertOptions(retry, RETRY_OPTIONS, 'retry');
  const {
    initial = 1000,
    factor = 2,
    max = 300_000,
    jitter = 'full',
  } = assertOptions(backoff, BACKOFF_OPTIONS, 'retry.backoff');
  const whole = Number.isSafeInteger(attempts) || attempts === Number.POSITIVE_INFINITY;
  if (!(whole && attempts >= 1)) throw retryOptionError('attempts', attempts, 'a whole number from 1, or Infinity');
  if (!(Number.isFinite(initial) && initial >= 0))
    throw retryOptionError('initial', initial, 'a number of milliseconds from 0');
  if (!(Number.isFinite(max) && max >= 0)) throw retryOptionError('max', max, 'a number of milliseconds from 0');
  if (!(Number.isFinite(factor) && factor >= 1)) throw retryOptionError('factor', factor, 'a number from 1');
  if (jitter !== 'full' && jitter !== 'none') throw retryOptionError('jitter', jitter, '"full" or "none"');
  return { attempts, backoff: { initial, factor, max, jitter } };
}

/**
 * How long a job rests that has failed for the `attempt`th time; undefined when it is not tried again. Exponential, with full
 * jitter: Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 */
export function getRetryDelayMs(
  { attempts, backoff }: RetryPolicy,
  attempt: number,
  random = Math.random,
): number | undefined {
  if (attempt >= attempts) return undefined;
  const { initial, factor, max, jitter } = backoff;
  // Infinity · 0 is not a number: an `initial` of 0 stays 0 however often it is multiplied.
  const longest = initial === 0 ? 0 : Math.min(max, initial * factor ** (attempt - 1));
  return jitter === 'full' ? random() * longest : longest;
}

const retryOptionError = (name: string, value: unknown, wanted: string) =>
  new DiskCacheError('BAD_OPTION', `${name} of retry is ${formatValue(value, "'")}; give ${wanted}`);

/** A job as its handler gets it. */
export interface JobContext<T> {
  readonly id: number;
  readonly payload: T;
  /** From 1. */
  readonly attempt: number;
  readonly priority: number;
  readonly group: Key | undefined;
  readonly enqueuedAt: number;
  readonly startedAt: number;
  /** What an earlier attempt reported last: where to go on. */
  readonly progress: unknown;
  /** Aborted when the job is not this handler's any more: its lease was lost, it was removed, or the worker is to stop. */
  readonly signal: AbortSignal;
  /**
   * Keeps how far it is, for who looks and for the next attempt, in a transaction of its own; undefined: forget that.
   *
   * @throws {DiskCacheError} `NOT_ALLOWED` when the lease was lost; `BAD_VALUE` for what can't be stored.
   */
  report(progress: unknown): void;
  /** Fails permanently, by throwing: no other attempt would help, so the job is dead at once. */
  bury(reason: string): never;
}

/** Resolves: the job is done. Throws or rejects: it failed. */
export type Handler<T> = (job: JobContext<T>) => unknown;

export interface ProcessOptions {
  /** How many jobs are in hand at a time. Default 1. */
  readonly concurrency?: number;
  readonly retry?: Retry;
  /** Stops: nothing more is begun, handlers are told by their own signals. */
  readonly signal?: AbortSignal;
  /** Asked before jobs are begun, some ten times a second: while it answers false they wait. Default: always true. */
  readonly online?: () => boolean;
}

/** Options of `process`, checked and complete. */
export interface WorkerOptions {
  readonly concurrency: number;
  readonly retryPolicy: RetryPolicy;
  readonly signal: AbortSignal | undefined;
  readonly online: () => boolean;
  readonly leaseMs: number;
}

const PROCESS_OPTIONS: ReadonlySet<string> = new Set(['concurrency', 'retry', 'signal', 'online']);

/** @throws {DiskCacheError} `BAD_OPTION` */
export function parseProcessOptions(options: ProcessOptions | undefined, leaseMs: number): WorkerOptions {
  const { concurrency = 1, retry, signal, online = () => true } = assertOptions(options, PROCESS_OPTIONS);
  if (!(Number.isSafeInteger(concurrency) && concurrency >= 1)) {
    throw new DiskCacheError(
      'BAD_OPTION',
      `concurrency is ${formatValue(concurrency, "'")}; give a whole number from 1`,
    );
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new DiskCacheError('BAD_OPTION', 'signal has to be an AbortSignal');
  }
  assertFunction(online, 'online');
  return { concurrency, retryPolicy: parseRetry(retry), signal, online, leaseMs };
}
