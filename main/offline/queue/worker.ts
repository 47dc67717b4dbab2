import { inspect } from 'node:util';
import { DiskCacheError } from '../../../protocol/error.ts';
import { mayPass, newOwner, type Owner } from '../../engine/internal.ts';
import { restAfter } from './backoff.ts';
import { Bell } from './bell.ts';
import { anyLost, type Claim, claim, takeOver } from './claim.ts';
import type { Assignment, Handler } from './handler.ts';
import type { WorkOrder } from './process-options.ts';
import { type Ending, isHeld, settle } from './settle.ts';
import { type Core, clockBehind, inOneStep, tallyOf } from './step.ts';

/** Milliseconds between two looks for what other processes have enqueued, and for whether there is a connection. */
const LOOK = 100;
/** Whether other workers live is a question to the system, and asked less often. */
const ROLL_CALL = 500;
/** After a write that failed because the disk is full or the store busy. */
const SETBACK = 1000;
/** A lease is renewed when less than this part of it is left. */
const RENEWED = 2 / 3;

/** A job that a handler has in hand. */
interface Attempt {
  claim: Claim;
  readonly hold: AbortController;
  ending: Ending | undefined;
}

/**
 * Hands jobs to a handler, so many at a time. One transaction takes note of what has ended and takes the next ones, so that
 * with many at a time the price of a durable commit is shared.
 */
export class Worker {
  readonly #core: Core;
  readonly #handler: Handler<unknown>;
  readonly #order: WorkOrder;
  readonly #owner: Owner = newOwner();
  readonly #bell = new Bell();
  /** Invariant: every attempt leaves this map once, and nothing of it is written afterwards. */
  readonly #attempts = new Map<number, Attempt>();
  /** Why no more is begun. */
  #stopped: { readonly reason: unknown } | undefined;
  #left = false;
  #leaseEnd = Number.NEGATIVE_INFINITY;
  #nextRollCall = 0;

  constructor(core: Core, handler: Handler<unknown>, order: WorkOrder) {
    this.#core = core;
    this.#handler = handler;
    this.#order = order;
  }

  /** Works until it is stopped and what it had begun has ended. */
  async run(): Promise<void> {
    const { signal } = this.#order;
    const onAbort = () => this.stop(signal?.reason);
    if (signal?.aborted) return;
    signal?.addEventListener('abort', onAbort);
    try {
      while (!this.#left && (this.#stopped === undefined || this.#attempts.size > 0)) {
        await this.#bell.sleep(orSetback(() => this.#turn()));
      }
    } finally {
      signal?.removeEventListener('abort', onAbort);
      this.leave(this.#stopped?.reason);
    }
  }

  /** Something has changed that it may want to know at once. */
  wake(): void {
    this.#bell.ring();
  }

  /** Begins nothing more, and tells the handlers that are at work. */
  stop(reason: unknown): void {
    this.#stopped ??= { reason };
    for (const { hold } of this.#attempts.values()) hold.abort(reason);
    this.#bell.ring();
  }

  /** Stops, and gives back what has not ended, so that others need not wait for the lease to end. */
  leave(reason: unknown): void {
    this.stop(reason);
    if (this.#left) return;
    this.#left = true;
    const attempts = [...this.#attempts.values()];
    this.#attempts.clear();
    try {
      inOneStep(this.#core, (step) => {
        for (const { claim, ending = 'returned' } of attempts) settle(step, claim, ending);
        step.shelves.workers.delete(this.#owner.id);
      });
    } catch (error) {
      // Others take over when the lease ends; who closes has to come to an end.
      if (!(error instanceof DiskCacheError)) throw error;
    }
  }

  /** Notes what has ended, begins what there is room for, renews the lease; answers for how many milliseconds to sleep. */
  #turn(): number {
    const ended = [...this.#attempts.values()].filter(({ ending }) => ending !== undefined);
    const room = this.#mayBegin() ? this.#order.concurrency - this.#attempts.size + ended.length : 0;
    if (ended.length === 0 && !this.#isToRenew(this.#attempts.size)) {
      const wait = room > 0 ? this.#untilNext() : LOOK;
      if (wait > 0) return wait;
    }
    const { lost, begun, leaseEnd } = this.#commit(ended, room);
    this.#leaseEnd = leaseEnd;
    for (const { claim } of ended) this.#attempts.delete(claim.ticket);
    for (const attempt of lost) this.#lose(attempt);
    for (const claim of begun) void this.#begin(claim);
    return begun.length < room && this.#mayBegin() ? Math.max(1, this.#untilNext()) : LOOK;
  }

  #commit(ended: readonly Attempt[], room: number) {
    return inOneStep(this.#core, (step) => {
      const { shelves, now } = step;
      const lost = ended.filter(({ claim, ending }) => !settle(step, claim, ending!));
      const wanted = shelves.paused.has() ? 0 : room;
      if (wanted > 0 && performance.now() >= this.#nextRollCall) {
        this.#nextRollCall = performance.now() + ROLL_CALL;
        takeOver(step, this.#owner.id, this.#order.schedule);
      }
      const begun = wanted > 0 ? claim(step, this.#owner.id, wanted) : [];
      if (!this.#isToRenew(this.#attempts.size - ended.length + begun.length)) {
        return { lost, begun, leaseEnd: this.#leaseEnd };
      }
      for (const attempt of this.#attempts.values()) {
        if (attempt.ending === undefined && !isHeld(shelves, attempt.claim)) lost.push(attempt);
      }
      const leaseEnd = now + this.#order.lease;
      shelves.workers.put([this.#owner.id], { ...this.#owner, until: leaseEnd, lease: this.#order.lease });
      return { lost, begun, leaseEnd };
    });
  }

  /** Somebody without jobs needs no lease. */
  #isToRenew(jobs: number): boolean {
    const { lease } = this.#order;
    const left = this.#leaseEnd - this.#core.clock();
    // More than all of it: the clock was set back.
    return jobs > 0 && (left <= lease * RENEWED || left > lease);
  }

  #mayBegin(): boolean {
    return this.#stopped === undefined && this.#order.online();
  }

  /** For how many milliseconds there is nothing to begin, or none that is known of. A look-up or two, no lock. */
  #untilNext(): number {
    const { shelves, clock } = this.#core;
    const tally = tallyOf(this.#core);
    if (clockBehind(tally, clock()) > 0) return 0;
    const { ready, delayed, running } = tally;
    const [due] = delayed > 0 ? shelves.due.first(1) : [];
    const wait = due === undefined ? LOOK : Math.min(LOOK, due[0] - clock());
    const isDue = ready > 0 || wait <= 0 || (running > 0 && this.#missesSomebody());
    return isDue && !shelves.paused.has() ? 0 : Math.max(1, wait);
  }

  #missesSomebody(): boolean {
    if (performance.now() < this.#nextRollCall) return false;
    if (anyLost(this.#core.shelves, this.#owner.id, this.#core.clock())) return true;
    this.#nextRollCall = performance.now() + ROLL_CALL;
    return false;
  }

  async #begin(claim: Claim): Promise<void> {
    const attempt: Attempt = { claim, hold: new AbortController(), ending: undefined };
    // A listener may have stopped it or closed the queue, right after the commit.
    if (this.#left) return;
    if (this.#stopped !== undefined) attempt.hold.abort(this.#stopped.reason);
    this.#attempts.set(claim.ticket, attempt);
    try {
      // Behind the turn that has begun it: a handler may close the queue, too.
      await undefined;
      attempt.hold.signal.throwIfAborted();
      await this.#handler(this.#assignment(attempt));
      attempt.ending = 'done';
    } catch (error) {
      attempt.ending = this.#endingOf(claim, error);
    }
    this.#bell.ring();
  }

  #endingOf({ attempt }: Claim, error: unknown): Ending {
    if (this.#stopped !== undefined) return 'returned';
    const rest = error instanceof Burial ? undefined : restAfter(this.#order.schedule, attempt);
    return { attempt, error: textOf(error), rest };
  }

  #assignment(attempt: Attempt): Assignment<unknown> {
    const { id, job, attempt: nth, startedAt, progress } = attempt.claim;
    const { payload, priority, group, enqueuedAt } = job;
    const report = (reported: unknown) => this.#report(attempt, reported);
    const { signal } = attempt.hold;
    return { id, payload, attempt: nth, priority, group, enqueuedAt, startedAt, progress, signal, report, bury };
  }

  #report(attempt: Attempt, progress: unknown): void {
    const { claim } = attempt;
    if (this.#attempts.get(claim.ticket) !== attempt) throw this.#lossOf(claim);
    const held = inOneStep(this.#core, (step) => {
      if (!isHeld(step.shelves, claim)) return false;
      if (progress === undefined) step.shelves.progress.delete(claim.id);
      else step.shelves.progress.put([claim.id], progress);
      return true;
    });
    if (!held) throw this.#lose(attempt);
    attempt.claim = { ...claim, progress };
  }

  /** Another worker has the job, or nobody: this one's handler is told and not listened to any more. */
  #lose({ claim, hold }: Attempt): DiskCacheError {
    const error = this.#lossOf(claim);
    this.#attempts.delete(claim.ticket);
    hold.abort(error);
    this.#bell.ring();
    return error;
  }

  #lossOf({ id, attempt }: Claim): DiskCacheError {
    return new DiskCacheError(
      'NOT_ALLOWED',
      `Attempt ${attempt} of job ${id} in ${this.#core.index.directory} is over: its lease was lost, or it was removed`,
    );
  }
}

/** What a handler throws by `bury`. */
class Burial extends Error {
  override readonly name = 'Buried';
}

function bury(reason: string): never {
  throw new Burial(reason);
}

/** What a handler has thrown may fail itself when it is read. */
function textOf(error: unknown): string {
  try {
    return error instanceof Error ? `${error.name}: ${error.message}` : inspect(error, { depth: 2 });
  } catch {
    return 'The handler failed with an error that can not be read';
  }
}

/** What can pass, a full disk, one that can't be read, or a busy store, is tried again. */
function orSetback(turn: () => number): number {
  try {
    return turn();
  } catch (error) {
    if (mayPass(error)) return SETBACK;
    throw error;
  }
}
