import type { Key } from '../../engine/index.ts';

/** A job as its handler gets it. */
export interface Assignment<T> {
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
  /** Fails for good, by throwing: no other attempt would help, so the job is dead at once. */
  bury(reason: string): never;
}

/** Resolves: the job is done. Throws or rejects: it failed. */
export type Handler<T> = (job: Assignment<T>) => unknown;
