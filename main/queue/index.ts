/** Durable queues. */
export type {
  JobCounts,
  EnqueueResult,
  EnqueueOptions,
  Job,
  JobState,
  NewJob,
  QueueEvent,
} from '../../protocol/job.ts';
export type { Backoff, Retry } from './worker-options.ts';
export type { JobContext, Handler } from './worker-options.ts';
export type { ProcessOptions } from './worker-options.ts';
export { type OpenQueueOptions, Queue } from './queue.ts';
