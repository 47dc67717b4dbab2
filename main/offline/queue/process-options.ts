import { DiskCacheError } from '../../../protocol/error.ts';
import { shownValue } from '../../../protocol/fault.ts';
import { demandFunction, optionsOf } from '../../engine/internal.ts';
import { type Retry, type Schedule, scheduleOf } from './backoff.ts';

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
export interface WorkOrder {
  readonly concurrency: number;
  readonly schedule: Schedule;
  readonly signal: AbortSignal | undefined;
  readonly online: () => boolean;
  readonly lease: number;
}

const OPTIONS: ReadonlySet<string> = new Set(['concurrency', 'retry', 'signal', 'online']);

/** @throws {DiskCacheError} `BAD_OPTION` */
export function workOrder(options: ProcessOptions | undefined, lease: number): WorkOrder {
  const { concurrency = 1, retry, signal, online = () => true } = optionsOf(options, OPTIONS);
  if (!(Number.isSafeInteger(concurrency) && concurrency >= 1)) {
    throw new DiskCacheError(
      'BAD_OPTION',
      `concurrency is ${shownValue(concurrency, "'")}; give a whole number from 1`,
    );
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new DiskCacheError('BAD_OPTION', 'signal has to be an AbortSignal');
  }
  demandFunction(online, 'online');
  return { concurrency, schedule: scheduleOf(retry), signal, online, lease };
}
