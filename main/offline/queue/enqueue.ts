import { DiskCacheError } from '../../../protocol/error.ts';
import { shownValue } from '../../../protocol/fault.ts';
import type { Enqueued, EnqueueOptions, NewJob } from '../../../protocol/job.ts';
import { isRecord, iterated, optionsOf } from '../../engine/internal.ts';
import { admit } from './line.ts';
import type { JobRow } from './shelves.ts';
import { type Core, inOneStep, type Step } from './step.ts';

const OPTIONS: ReadonlySet<string> = new Set(['delay', 'priority', 'dedupeKey', 'group']);

/** All or none. */
export function enqueueMany(core: Core, jobs: Iterable<NewJob<unknown>>): Enqueued[] {
  // Read to its end first: nobody waits for a lock while somebody's generator thinks.
  const checked = Array.from(iterated(jobs, 'jobs { payload, … }'), (job) => {
    if (!isRecord(job) || !Object.hasOwn(job, 'payload')) {
      throw new DiskCacheError(
        'BAD_OPTION',
        'enqueueMany takes objects { payload, delay, priority, dedupeKey, group }',
      );
    }
    const { payload, ...options } = job;
    return { payload, ...checkedOptions(options) };
  });
  return inOneStep(core, (step) => checked.map((job) => enqueueOne(step, job)));
}

/** @throws {DiskCacheError} `BAD_OPTION` */
export function checkedOptions(options: EnqueueOptions | undefined): EnqueueOptions {
  const checked = optionsOf(options, OPTIONS);
  const { delay = 0, priority = 0 } = checked;
  if (!(Number.isFinite(delay) && delay >= 0)) {
    throw new DiskCacheError('BAD_OPTION', `delay is ${shownValue(delay, "'")}; give a number of milliseconds from 0`);
  }
  if (!Number.isFinite(priority)) {
    throw new DiskCacheError('BAD_OPTION', `priority is ${shownValue(priority, "'")}; give a finite number`);
  }
  return checked;
}

export function enqueueOne(
  step: Step,
  { payload, delay = 0, priority = 0, dedupeKey, group }: NewJob<unknown>,
): Enqueued {
  const { jobs, dedupe } = step.shelves;
  const earlier = dedupeKey === undefined ? undefined : dedupe.get(dedupeKey);
  if (earlier !== undefined) return { id: earlier, duplicate: true };
  const id = step.next('id');
  const job: JobRow = {
    payload,
    priority,
    enqueuedAt: step.now,
    ...(group !== undefined && { group }),
    ...(dedupeKey !== undefined && { dedupeKey }),
  };
  if (dedupeKey !== undefined) dedupe.put([dedupeKey], id);
  admit(step, id, job, step.now + delay);
  jobs.put([id], job);
  return { id, duplicate: false };
}
