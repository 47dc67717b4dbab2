/** Durable queues. */
export type { Backoff, Retry } from './backoff.ts';
export type { QueueEvent } from './events.ts';
export type {
  Assignment,
  Counts,
  Enqueued,
  EnqueueOptions,
  Handler,
  Job,
  JobState,
  NewJob,
} from './job.ts';
export type { ProcessOptions } from './process-options.ts';
export { type OpenQueueOptions, Queue } from './queue.ts';
