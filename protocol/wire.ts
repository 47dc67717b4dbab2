import { type ErrorData, isErrorData, toErrorData } from './error.ts';
import type { QueueEvent } from './job.ts';
import type { Key } from './key.ts';
import type { Change } from './options.ts';

/** What became of one operation, as data: an error crosses to a page as this and loses nothing. */
export type Outcome<T = unknown> = { readonly value: T } | { readonly error: ErrorData };

/** Returns the result of synchronous work, or what it throws as data, by `toData`. Never throws. */
export function captureOutcome<T>(work: () => T, toData = toErrorData): Outcome<T> {
  try {
    return { value: work() };
  } catch (error) {
    return { error: toData(error) };
  }
}

/** One call of one store's method. Flat, for structured clone pays for each object and each name. */
export type Operation = readonly [store: string, method: string, ...args: readonly unknown[]];

/**
 * Page to main: runs operations; those on one store are one transaction. A negative number says that the page takes the answer in parts,
 * too.
 */
export type RequestMessage = readonly [id: number, operations: readonly Operation[]];

/** What an operation failed with, by its place among the operations. */
export type OperationFailure = readonly [place: number, error: ErrorData];

/** What became of the operations of a request: the value of each at its place, and what failed. */
export interface OperationResults {
  readonly values: readonly unknown[];
  readonly failures: readonly OperationFailure[];
}

/** The whole message was turned away at the door; no operation of it ran. */
export interface Refusal {
  readonly refused: ErrorData;
}

/**
 * Main to page. With a receipt, which the page posts back as `Receipt` when the answer has arrived: so the main process knows how much
 * of what it has posted was taken.
 */
export type ResponseMessage =
  | readonly [id: number, values: OperationResults['values'], failures: OperationResults['failures'], receipt?: number]
  | readonly [id: number, refusal: Refusal];

/** Main to page, before an answer: the first of its values, in order. The answer itself brings the last ones. */
export type AnswerPart = readonly [id: number, values: OperationResults['values']];

/** Page to main. A number that can't be guessed. */
export type Receipt = readonly [receipt: number];

export const isResponseMessage = (message: unknown): message is ResponseMessage | AnswerPart =>
  Array.isArray(message) && typeof message[0] === 'number';

/** A message holds so many operations; who sends more is refused. */
export const MAX_OPERATIONS = 10_000;
/** The maximum that one call, or the result of one, weighs: a page can read what a page can set. */
export const MAX_CALL = 32 * 2 ** 20;

/**
 * What a page may have under way. Who sends more nevertheless is refused with `BUSY`, so that what waits in the main process is
 * bounded.
 */
export const MAX_IN_FLIGHT = { operations: 2 * MAX_OPERATIONS, bytes: 2 * MAX_CALL } as const;

/**
 * A message as pages send it: what one turn brings besides travels as the next one, and commits as the next one. Small enough that
 * the main process is through with it in a few milliseconds; larger ones are no faster (docs/decisions/0010).
 */
export const MAX_BATCH = { operations: 512, bytes: 2 ** 20 } as const;

/** Full messages that a page has under way: while the main process runs one, the next one arrives. */
export const MAX_BATCHES_IN_FLIGHT = 2;

/** The maximum that the values of an answer weigh; further reads fail with `TOO_LARGE`. */
export const MAX_RESPONSE_BYTES = 2 * MAX_CALL;

/** The same for one message: posting 1 MiB takes the main process up to 10 ms, in which it does nothing else (docs/decisions/0024). */
export const MAX_WHOLE_ANSWER = 2 ** 24;

/** About what the values in one part of an answer weigh. */
export const ANSWER_PART = 2 ** 20;

/** Whether the page takes the answer to a request in parts. */
export const takesParts = (id: number): boolean => id < 0;

/** About what an operation takes in a message besides its arguments. */
export const OPERATION_OVERHEAD_BYTES = 200;

/** What a page wants to hear of. */
export interface SubscribeRequest {
  /** The page's number for it. */
  readonly id: number;
  readonly store: string;
  readonly range: SubscriptionRange;
}

export interface SubscriptionRange<K = Key> {
  /** The leading elements of array keys, or the leading characters of string keys. */
  readonly prefix?: Key;
  /** Smallest key, inclusive. */
  readonly from?: K;
  /** Largest key, exclusive. */
  readonly to?: K;
}

/** What happened to an item, or `reset`: more than could be told has happened, read again what you show. */
export type ChangeOrReset<K = Key> = Change<K> | { readonly kind: 'reset'; readonly key?: never };

/** What a page is told: of a store its changes, of a queue its events, of both that it was too much. */
export type StoreEvent = ChangeOrReset | QueueEvent;

/** Main to page: what has happened since the last of these. The next one follows when this one's number was `seen`. */
export interface ChangesMessage {
  readonly deskcache: 'changes';
  readonly number: number;
  readonly changes: readonly (readonly [watch: number, news: readonly StoreEvent[]])[];
}

/** What the main process exposes to comlink, besides: flat, frozen, one plain argument each. */
export interface ControlApi {
  watch(watch: SubscribeRequest): Outcome<undefined> | Refusal;
  unwatch(id: number): undefined | Refusal;
  seen(number: number): undefined | Refusal;
  /** The page keeps values of a store near while its lease lasts; false when what it kept before may be old. */
  near(store: string): Outcome<boolean> | Refusal;
  far(store: string): undefined | Refusal;
  /** The page has dropped what a message named `Invalidation` said. */
  dropped(number: number): undefined | Refusal;
}

export const CONTROL_API_METHODS = [
  'watch',
  'unwatch',
  'seen',
  'near',
  'far',
  'dropped',
] as const satisfies readonly (keyof ControlApi)[];

/** The last message over a port: the sender is leaving, whatever is unanswered stays unanswered. */
export interface Goodbye {
  readonly deskcache: 'goodbye';
  readonly reason: ErrorData;
}

export const createGoodbye = (reason: ErrorData): Goodbye => ({ deskcache: 'goodbye', reason });

export function isGoodbye(message: unknown): message is Goodbye {
  if (typeof message !== 'object' || message === null) return false;
  const { deskcache, reason } = message as Record<string, unknown>;
  return deskcache === 'goodbye' && isErrorData(reason);
}
