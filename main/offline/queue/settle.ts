import type { Claim } from './claim.ts';
import { depart, wait } from './line.ts';
import type { JobRow, Shelves } from './shelves.ts';
import type { Step } from './step.ts';

/** Why an attempt was in vain, and how many milliseconds the job rests; undefined: it is dead. */
export interface Failure {
  readonly attempt: number;
  readonly error: string;
  readonly rest: number | undefined;
}

/** How an attempt ended; `'returned'`: before it could succeed or fail, so it is not counted. */
export type Ending = 'done' | 'returned' | Failure;

/** Whether an attempt is still its worker's. */
export const isHeld = ({ running }: Shelves, { id, ticket }: Claim): boolean => running.get(id)?.ticket === ticket;

/** Ends an attempt; answers false, and does nothing, when it is not its worker's any more. */
export function settle(step: Step, claim: Claim, ending: Ending): boolean {
  const { shelves } = step;
  const { id, job } = claim;
  if (!isHeld(shelves, claim)) return false;
  shelves.running.delete(id);
  step.count('running', -1);
  if (ending === 'done') {
    shelves.jobs.delete(id);
    if (claim.attempt > 1) shelves.failed.delete(id);
    if (claim.progress !== undefined) shelves.progress.delete(id);
    step.count('done', 1);
    depart(step, id, job);
  } else if (ending === 'returned') {
    wait(step, id, job.priority, step.now);
  } else fail(step, id, job, ending);
  return true;
}

/** A job that nobody works on any more has failed: it rests, at the head of its group, or is dead. */
export function fail(step: Step, id: number, job: JobRow, { attempt, error, rest }: Failure): void {
  step.shelves.failed.put([id], { attempts: attempt, error, failedAt: step.now });
  if (rest !== undefined) {
    wait(step, id, job.priority, step.now + rest);
    return;
  }
  step.shelves.dead.put([id], step.now);
  step.count('dead', 1);
  depart(step, id, job);
}
