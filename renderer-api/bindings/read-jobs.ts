import type { RemoteQueue } from '../../client/remote-queue.ts';
import type { Job, JobCounts, JobState } from '../../protocol/job.ts';

/** Jobs of a queue, and how many there are. */
export interface JobList<T> {
  readonly jobs: readonly Job<T>[];
  /** Of the whole queue. */
  readonly counts: JobCounts;
  /** No job is started until the queue is resumed. */
  readonly isPaused: boolean;
}

/** Reads up to `limit` jobs in these states. Loaded with the first queue that a component shows. */
export async function readJobs<T>(
  queue: RemoteQueue<T>,
  states: readonly JobState[],
  limit: number,
): Promise<JobList<T>> {
  // In one turn, so that the numbers are those of the same moment as the first jobs.
  const [counts, isPaused, ...lists] = await Promise.all([
    queue.counts(),
    queue.paused,
    ...states.map((state) => readState(queue, state, limit)),
  ]);
  return { jobs: lists.flat().slice(0, limit), counts, isPaused };
}

async function readState<T>(queue: RemoteQueue<T>, state: JobState, limit: number): Promise<Job<T>[]> {
  const jobs: Job<T>[] = [];
  for await (const job of queue.jobs(state)) if (jobs.push(job) >= limit) break;
  return jobs;
}
