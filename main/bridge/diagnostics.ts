import type { ErrorCode } from '../../protocol/error.ts';
import type { OperationFailure } from '../../protocol/wire.ts';
import { callChannel, type SessionMessage, sessionChannel } from '../engine/internal.ts';
import type { AuthorizedCall } from './authorize-batch.ts';
import type { Principal } from './principal.ts';
import type { Slices } from './slices.ts';

/** Publishes that a page has connected or disconnected. */
export function publishSession(
  event: SessionMessage['event'],
  kind: SessionMessage['kind'],
  { window, origin }: Principal,
  code?: ErrorCode,
): void {
  if (sessionChannel.hasSubscribers) sessionChannel.publish({ event, kind, window, origin, code });
}

/** Names come from the page, so they may be anything; longer ones are cut. */
const MAX_NAME_LENGTH = 64;

/** Measures the calls of one request and publishes them. Exists only while there is a subscriber. */
export class CallTimer {
  /** By the place of the operation in its request. */
  readonly #durationsMs: number[] = [];
  readonly #blockedMs: number[] = [];

  static create(): CallTimer | undefined {
    return callChannel.hasSubscribers ? new CallTimer() : undefined;
  }

  /** Returns the call with its running time measured. A call may run more than once: again after it has met a lock. */
  wrap(place: number, call: AuthorizedCall): AuthorizedCall {
    const { openSlices } = call;
    return {
      ...call,
      run: (budget) => this.#measure(place, () => call.run(budget)),
      openSlices: openSlices && ((budget) => this.#measureSlices(place, openSlices(budget))),
    };
  }

  /** Publishes a message for each operation, once all of them are settled. */
  publish(
    operations: readonly unknown[],
    {
      failures,
      settled,
    }: { readonly failures: readonly OperationFailure[]; readonly settled?: Promise<unknown> | undefined },
  ): void {
    const publishAll = () => {
      const codes = new Map(failures.map(([place, { code }]) => [place, code]));
      for (const [place, operation] of operations.entries()) {
        const [store, method] = Array.isArray(operation) ? operation : [];
        callChannel.publish({
          store: toName(store),
          method: toName(method),
          durationMs: this.#durationsMs[place] ?? 0,
          blockedMs: this.#blockedMs[place] ?? 0,
          code: codes.get(place),
        });
      }
    };
    if (settled === undefined) publishAll();
    else void settled.then(publishAll);
  }

  #measure<T>(place: number, work: () => T): T {
    const startedAt = performance.now();
    let pending: Promise<unknown> | undefined;
    try {
      const result = work();
      if (result instanceof Promise) pending = result;
      return result;
    } finally {
      const ms = performance.now() - startedAt;
      this.#addBlocked(place, ms);
      const stop = () => this.#addDuration(place, performance.now() - startedAt);
      if (pending === undefined) this.#addDuration(place, ms);
      else pending.then(stop, stop);
    }
  }

  *#measureSlices(place: number, slices: Slices): Slices {
    for (;;) {
      const step = this.#measure(place, () => slices.next());
      if (step.done === true) return step.value;
      yield;
    }
  }

  #addDuration(place: number, ms: number): void {
    this.#durationsMs[place] = (this.#durationsMs[place] ?? 0) + ms;
  }

  #addBlocked(place: number, ms: number): void {
    this.#blockedMs[place] = Math.max(this.#blockedMs[place] ?? 0, ms);
  }
}

const toName = (name: unknown): string => (typeof name === 'string' ? name.slice(0, MAX_NAME_LENGTH) : '(no name)');
