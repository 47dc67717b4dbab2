import type { Counts } from '../../../protocol/job.ts';
import type { Index } from '../../engine/index.ts';
import type { Shelves, TallyRow } from './shelves.ts';

/** An open queue, as its verbs see it. */
export interface Core {
  readonly index: Index;
  readonly shelves: Shelves;
  readonly clock: () => number;
  /** While a transaction is open: what is done meanwhile is a part of it. */
  step: Step | undefined;
}

const NOTHING: TallyRow = { ready: 0, delayed: 0, held: 0, running: 0, dead: 0, done: 0, id: 0, ticket: 0 };

/** What one transaction works on: one moment, the rows, and the counts, which are written once at its end. */
export class Step {
  readonly now: number;
  readonly shelves: Shelves;
  readonly #tally: { -readonly [name in keyof TallyRow]: number };
  #changed = false;

  constructor({ shelves, clock }: Core) {
    this.now = clock();
    this.shelves = shelves;
    this.#tally = { ...(shelves.tally.get() ?? NOTHING) };
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

  /** The next id or ticket: a number from 1 that was never given before. */
  next(kind: 'id' | 'ticket'): number {
    this.#changed = true;
    return ++this.#tally[kind];
  }

  end(): void {
    if (this.#changed) this.shelves.tally.put([], this.#tally);
  }
}

export const tallyOf = ({ step, shelves }: Core): TallyRow => step?.tally ?? shelves.tally.get() ?? NOTHING;

/** Runs `work` in one transaction: whole or not at all. Inside of another one it is a part of that. */
export function inOneStep<T>(core: Core, work: (step: Step) => T): T {
  return core.index.transact<unknown>(() => {
    if (core.step !== undefined) return core.step.part(work);
    const step = new Step(core);
    core.step = step;
    try {
      const result = work(step);
      step.end();
      return result;
    } finally {
      core.step = undefined;
    }
  }) as T;
}
