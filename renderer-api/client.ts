import { DiskCacheError, fromErrorData } from '../protocol/error.ts';
import type { Outcome } from '../protocol/outcome.ts';
import { MAX_OPERATIONS, type Operation } from '../protocol/wire.ts';
import { type Line, openLine, type Port } from './line.ts';

/** Gets a port to the main process; `signal` tells it to give up. */
export type Connect = (signal: AbortSignal) => Promise<Port>;

/** An operation whose caller waits. */
interface Call {
  readonly operation: Operation;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/**
 * Carries calls to the main process: those of one turn together, over one line that is opened by the first call and
 * opened again by the first call after it was cut.
 *
 * Invariant: every call settles, at the latest after `timeout` milliseconds.
 */
export class Client {
  readonly #connect: Connect;
  readonly #timeout: number;
  readonly #open = new Map<readonly Call[], ReturnType<typeof setTimeout>>();
  #turn: Call[] = [];
  #line: Promise<Line> | undefined;

  constructor(connect: Connect, timeout: number) {
    this.#connect = connect;
    this.#timeout = timeout;
  }

  /** Joins this turn's message. */
  call(store: string, method: string, args: readonly unknown[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#turn.length === 0) queueMicrotask(() => this.#depart());
      this.#turn.push({ operation: { store, method, args }, resolve, reject });
    });
  }

  /** Rejects everything open with `reason`; the next call connects again. */
  disconnect(reason: DiskCacheError): void {
    this.#line?.then((line) => line.close()).catch(() => {});
    this.#lost(reason);
  }

  #lost(reason: DiskCacheError): void {
    this.#line = undefined;
    for (const calls of this.#open.keys()) {
      rejectAll(calls, reason);
      this.#done(calls);
    }
  }

  #depart(): void {
    const calls = this.#turn;
    this.#turn = [];
    for (let start = 0; start < calls.length; start += MAX_OPERATIONS) {
      void this.#travel(calls.slice(start, start + MAX_OPERATIONS));
    }
  }

  async #travel(calls: readonly Call[]): Promise<void> {
    this.#open.set(
      calls,
      setTimeout(() => rejectAll(calls, this.#tooLate()), this.#timeout),
    );
    try {
      this.#line ??= this.#connectLine();
      const line = await this.#line;
      if (!this.#open.has(calls)) return;
      const outcomes = await line.run(calls.map(({ operation }) => operation));
      for (const [index, call] of calls.entries()) settle(call, outcomes[index]);
    } catch (error) {
      rejectAll(calls, error);
    } finally {
      this.#done(calls);
    }
  }

  #done(calls: readonly Call[]): void {
    clearTimeout(this.#open.get(calls));
    this.#open.delete(calls);
  }

  #connectLine(): Promise<Line> {
    const connecting = this.#connect(AbortSignal.timeout(this.#timeout)).then((port) =>
      openLine(port, (reason) => this.#lost(reason)),
    );
    connecting.catch(() => {
      if (this.#line === connecting) this.#line = undefined;
    });
    return connecting;
  }

  #tooLate(): DiskCacheError {
    return new DiskCacheError(
      'TIMEOUT',
      `The main process did not answer within ${this.#timeout} ms; a write may have been made or not`,
    );
  }
}

function settle(call: Call, outcome: Outcome | undefined): void {
  if (outcome === undefined)
    call.reject(new DiskCacheError('DISCONNECTED', 'The answer held no outcome for this call'));
  else if ('error' in outcome) call.reject(fromErrorData(outcome.error));
  else call.resolve(outcome.value);
}

function rejectAll(calls: readonly Call[], error: unknown): void {
  for (const call of calls) call.reject(error);
}
