import { type ErrorData, isErrorData } from './error.ts';
import type { Outcome } from './outcome.ts';

/** One call of one store's method, as plain data. */
export interface Operation {
  readonly store: string;
  readonly method: string;
  readonly args: readonly unknown[];
}

/** The whole message was turned away at the door; no operation of it ran. */
export interface Refusal {
  readonly refused: ErrorData;
}

/** What the main process exposes to comlink: flat, frozen, and all there is. */
export interface Face {
  /** Runs the operations of one turn; those on one store are one transaction. One outcome each, in the same order. */
  run(operations: readonly Operation[]): readonly Outcome[] | Refusal;
}

export const FACE_METHODS = ['run'] as const satisfies readonly (keyof Face)[];

/** More operations than this in one turn travel as several messages, and so as several transactions. */
export const MAX_OPERATIONS = 10_000;

/** The last message over a port: the sender is leaving, whatever is unanswered stays unanswered. */
export interface Goodbye {
  readonly deskcache: 'goodbye';
  readonly reason: ErrorData;
}

export const goodbye = (reason: ErrorData): Goodbye => ({ deskcache: 'goodbye', reason });

export function isGoodbye(message: unknown): message is Goodbye {
  if (typeof message !== 'object' || message === null) return false;
  const { deskcache, reason } = message as Record<string, unknown>;
  return deskcache === 'goodbye' && isErrorData(reason);
}
