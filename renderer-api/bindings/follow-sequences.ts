import type { RemoteDeque } from '../../client/remote.ts';
import type { RemoteQueue } from '../../client/remote-queue.ts';
import type { Job, JobState } from '../../protocol/job.ts';
import { DiskCacheError } from '../index.ts';
import { followByReading } from './follow-by-reading.ts';
import { parseHookOptions } from './hook-options.ts';
import type { JobList, JobsOptions } from './job-list.ts';
import type { StartObserving } from './observer.ts';

/** Follows the values of a deque. It is read again after each change. */
export const followDeque = <V>(deque: RemoteDeque<V>): StartObserving<readonly V[]> =>
  followByReading(deque, () => deque.values());

const ALL_STATES: readonly JobState[] = ['running', 'ready', 'delayed', 'held', 'dead'];

/**
 * Follows the jobs of a queue in some states, at most `limit` of them. They are read again after each event.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for an unknown or invalid option, and for what is not an object.
 */
export function followJobs<T>(queue: RemoteQueue<T>, options: JobsOptions): StartObserving<JobList<T>> {
  const { states = ALL_STATES, limit = 1000 } = parseHookOptions('useJobs', options, 'states', 'limit');
  if (!Array.isArray(states)) throw new DiskCacheError('BAD_OPTION', 'useJobs: states has to be an array');
  if (!(typeof limit === 'number' && limit >= 0))
    throw new DiskCacheError('BAD_OPTION', 'useJobs: limit has to be a number from 0');
  return followByReading(queue, async () => {
    // All in one turn, so that the counts belong to the same moment as the first jobs.
    const [counts, isPaused, ...lists] = await Promise.all([
      queue.counts(),
      queue.paused,
      ...states.map((state) => readJobs(queue, state, limit)),
    ]);
    return { jobs: lists.flat().slice(0, limit), counts, isPaused };
  });
}

async function readJobs<T>(queue: RemoteQueue<T>, state: JobState, limit: number): Promise<Job<T>[]> {
  const jobs: Job<T>[] = [];
  for await (const job of queue.jobs(state)) if (jobs.push(job) >= limit) break;
  return jobs;
}
