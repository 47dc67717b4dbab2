/** `deskcache/queue`: durable job queues. */
export type {
  EnqueueOptions,
  EnqueueResult,
  Job,
  JobCounts,
  JobState,
  NewJob,
  QueueEvent,
} from '../../protocol/job.ts';
export type { JobMessage } from '../engine/index.ts';
export type { QueueExportOptions } from './export-jobs.ts';
export type { QueueImportOptions } from './import-jobs.ts';
export { type OpenQueueOptions, Queue } from './queue.ts';
export type { Backoff, Handler, JobContext, ProcessOptions, Retry } from './worker-options.ts';
