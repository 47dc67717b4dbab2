import { formatValue } from '../../protocol/describe-value.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import type { Key } from '../engine/index.ts';
import { assertFunction, assertOptions } from '../engine/internal.ts';

/** The delay before a failed job is retried. Milliseconds. */
export interface Backoff {
  /** Maximum delay after the first failure. Default 1000. */
  readonly initial?: number;
  /** Multiplies the maximum delay after each further failure. Default 2. */
  readonly factor?: number;
  /** Upper limit of the maximum delay. Default 300 000 (five minutes). */
  readonly max?: number;
  /** `'full'` (default): a random delay from 0 to the maximum, so that jobs that failed together are not retried together. */
  readonly jitter?: 'full' | 'none';
}

export interface Retry {
  /** Maximum number of attempts before a job is dead; `Infinity` for no limit. Default 10. */
  readonly attempts?: number;
  readonly backoff?: Backoff;
}

/** Checked retry options with defaults. */
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
 * Returns the delay in milliseconds after the `attempt`th failure; undefined if the job is not retried. Exponential with full jitter:
 * Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 */
export function getRetryDelayMs(
  { attempts, backoff }: RetryPolicy,
  attempt: number,
  random = Math.random,
): number | undefined {
  if (attempt >= attempts) return undefined;
  const { initial, factor, max, jitter } = backoff;
  // `factor ** attempt` may be Infinity, and Infinity · 0 is NaN.
  const maxDelayMs = initial === 0 ? 0 : Math.min(max, initial * factor ** (attempt - 1));
  return jitter === 'full' ? random() * maxDelayMs : maxDelayMs;
}

const retryOptionError = (name: string, value: unknown, expected: string) =>
  new DiskCacheError('BAD_OPTION', `${name} of retry is ${formatValue(value, "'")}; give ${expected}`);

/** A job as passed to its handler. */
export interface JobContext<T> {
  readonly id: number;
  readonly payload: T;
  /** Number of this attempt, from 1. */
  readonly attempt: number;
  readonly priority: number;
  readonly group: Key | undefined;
  readonly enqueuedAt: number;
  readonly startedAt: number;
  /** The last progress reported by an earlier attempt, to continue from. */
  readonly progress: unknown;
  /** Aborted if the job no longer belongs to this handler: its lease was lost, it was removed, or the worker stops. */
  readonly signal: AbortSignal;
  /**
   * Stores progress for observers and for the next attempt, in a transaction of its own; undefined deletes it.
   *
   * @throws {DiskCacheError} `NOT_ALLOWED` if the lease was lost; `BAD_VALUE` for a value that can't be stored.
   */
  report(progress: unknown): void;
  /** Fails permanently, by throwing: the job becomes dead at once, without further attempts. */
  bury(reason: string): never;
}

/** Handles a job. If it returns or resolves, the job is done; if it throws or rejects, the attempt has failed. */
export type Handler<T> = (job: JobContext<T>) => unknown;

export interface ProcessOptions {
  /** Maximum number of jobs that run at the same time. Default 1. */
  readonly concurrency?: number;
  readonly retry?: Retry;
  /** Stops the worker: it starts no more jobs, and running handlers are notified through their own signals. */
  readonly signal?: AbortSignal;
  /** Called before jobs are started, about ten times per second; while it returns false, jobs wait. Default: always true. */
  readonly online?: () => boolean;
}

/** Checked options of `process` with defaults. */
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
    throw new DiskCacheError('BAD_OPTION', 'signal must be an AbortSignal');
  }
  assertFunction(online, 'online');
  return { concurrency, retryPolicy: parseRetry(retry), signal, online, leaseMs };
}
