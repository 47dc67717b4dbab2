/** Durable queues. */
export type {
  Counts,
  Enqueued,
  EnqueueOptions,
  Job,
  JobState,
  NewJob,
  QueueEvent,
} from '../../../protocol/job.ts';
export type { Backoff, Retry } from './backoff.ts';
export type { Assignment, Handler } from './handler.ts';
export type { ProcessOptions } from './process-options.ts';
export { type OpenQueueOptions, Queue } from './queue.ts';
