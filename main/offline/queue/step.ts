import type { Counts } from '../../../protocol/job.ts';
import type { Index } from '../../engine/index.ts';
import { CLOCK_TOLERANCE_MS } from '../../engine/internal.ts';
import { readJob } from './job-row.ts';
import type { Shelves, TallyRow } from './shelves.ts';

/** An open queue, as its verbs see it. */
export interface Core {
  readonly index: Index;
  readonly shelves: Shelves;
  readonly clock: () => number;
  /** Rebuilds the counts, and all that follows from the jobs. */
  readonly restore: (step: Step) => void;
  /** While a transaction is open: what is done meanwhile is a part of it. */
  step: Step | undefined;
}

const NOTHING: TallyRow = { ready: 0, delayed: 0, held: 0, running: 0, dead: 0, done: 0, id: 0, ticket: 0 };

/** What one transaction works on: one moment, the rows, and the counts, which are written once at its end. */
export class Step {
  readonly now: number;
  readonly shelves: Shelves;
  /** The counts are missing: nothing was ever enqueued, or damage has taken them. */
  readonly isLost: boolean;
  readonly #tally: { -readonly [name in keyof TallyRow]: TallyRow[name] };
  #changed = false;

  constructor({ shelves, clock }: Core) {
    this.now = clock();
    this.shelves = shelves;
    const tally = shelves.tally.get();
    this.isLost = tally === undefined;
    this.#tally = { ...(tally ?? NOTHING) };
  }

  get tally(): TallyRow {
    return this.#tally;
  }

  /** Does a part that can fail alone: then nothing of it is counted. */
  part<T>(work: (step: Step) => T): T {
    const before = { ...this.#tally };
    try {
      return work(this);
    } catch (error) {
      Object.assign(this.#tally, before);
      throw error;
    }
  }

  isAny(name: keyof Counts): boolean {
    return this.#tally[name] > 0;
  }

  count(name: keyof Counts, by: 1 | -1): void {
    this.#tally[name] += by;
    this.#changed = true;
  }

  /** Counts from nothing; how many were done stays. */
  recount(): void {
    Object.assign(this.#tally, { ready: 0, delayed: 0, held: 0, running: 0, dead: 0 });
    this.#changed = true;
  }

  /** An id or ticket that was given once, whatever is remembered of it. */
  given(kind: 'id' | 'ticket', number: number): void {
    this.#tally[kind] = Math.max(this.#tally[kind], number);
  }

  /** Something that is not counted has changed. */
  changed(): void {
    this.#changed = true;
  }

  /** The next id or ticket: a number from 1 that was never given before. */
  next(kind: 'id' | 'ticket'): number {
    this.#changed = true;
    return ++this.#tally[kind];
  }

  end(): void {
    if (this.#changed) this.shelves.tally.put([], { ...this.#tally, at: this.now });
  }
}

/** How far the clock was set back since the queue was last changed; 0 for less than clocks always are. Milliseconds. */
export function clockBehind({ at = Number.NEGATIVE_INFINITY }: TallyRow, now: number): number {
  return at > now + CLOCK_TOLERANCE_MS ? at - now : 0;
}

export const tallyOf = (core: Core): TallyRow =>
  core.step?.tally ?? core.shelves.tally.get() ?? inOneStep(core, ({ tally }) => ({ ...tally }));

/** Runs `work` in one transaction: whole or not at all. Inside of another one it is a part of that. */
export function inOneStep<T>(core: Core, work: (step: Step) => T): T {
  return core.index.transact<unknown>(() => {
    if (core.step !== undefined) return core.step.part(work);
    const step = new Step(core);
    core.step = step;
    try {
      // Without them the next id would be one that a waiting job has.
      if (step.isLost) core.restore(step);
      const behind = clockBehind(step.tally, step.now);
      if (behind > 0) rescheduleAll(step, behind);
      const result = work(step);
      step.end();
      return result;
    } finally {
      core.step = undefined;
    }
  }) as T;
}

/**
 * After the clock was set back: what was to wait for some time under the clock before would wait until the clock has caught up.
 * O(jobs that wait for a time); rare.
 */
function rescheduleAll(step: Step, behind: number): void {
  const { delayed, due, held } = step.shelves;
  for (const [[id], before] of delayed.rows()) {
    const dueAt = reschedule(step, id, before, behind);
    if (dueAt === before) continue;
    const priority = due.get(before, id) ?? 0;
    due.delete(before, id);
    due.put([dueAt, id], priority);
    delayed.put([id], dueAt);
  }
  for (const [path, row] of held.rows()) {
    const dueAt = reschedule(step, path[1], row.dueAt, behind);
    if (dueAt !== row.dueAt) held.put(path, { ...row, dueAt });
  }
  step.changed();
}

/**
 * When a job is due that was to be due at a time by the clock before. A rest after a failure may be over, for all that is known, if the
 * clock was set back by more; a delay that was asked for begins again.
 */
function reschedule({ now, shelves }: Step, id: number, dueAt: number, behind: number): number {
  const { damage, enqueuedAt } = readJob(shelves, id);
  const failedAt = shelves.failed.get(id)?.failedAt;
  const since = damage === undefined ? (failedAt ?? enqueuedAt) : Number.POSITIVE_INFINITY;
  if (dueAt <= now || since <= now + CLOCK_TOLERANCE_MS) return dueAt;
  // What was rescheduled before is due before the clock of then began to wait.
  if (dueAt < since) return Math.max(now, dueAt - behind);
  const wait = dueAt - since;
  return failedAt !== undefined && wait <= behind ? now : now + wait;
}
