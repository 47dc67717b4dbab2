import { type ErrorData, isErrorData, toErrorData } from './error.ts';
import type { QueueEvent } from './job.ts';
import type { Key } from './key.ts';
import type { Change, SubscribeOptions } from './options.ts';

/*
 * Messages between a page and the main process over the port of the stores. There are four formats, each for one reason:
 *
 * 1. Operations on stores are flat arrays, `[id, operations]`: they are frequent, and structured clone pays for each object and name.
 * 2. Subscriptions and leases, on the same port, use comlink: they are rare, and need no format of their own.
 * 3. HTTP (http.ts) uses comlink on a second port, which is opened by the first call: its responses may take minutes, and its limits and
 *    grants are not those of the stores.
 * 4. Commands to the utility process (main/electron/utility/engine-messages.ts) are plain objects: both sides are the same build.
 */

/** The result of one operation, as data: an error sent to a page in this form loses nothing. */
export type Outcome<T = unknown> = { readonly value: T } | { readonly error: ErrorData };

/** Returns the result of synchronous work, or the error it throws, converted by `toData`. Never throws. */
export function captureOutcome<T>(work: () => T, toData = toErrorData): Outcome<T> {
  try {
    return { value: work() };
  } catch (error) {
    return { error: toData(error) };
  }
}

/** One call of a method of a store. Flat, because structured clone costs time for each object and each name. */
export type Operation = readonly [store: string, method: string, ...args: readonly unknown[]];

/**
 * Page to main: runs operations; those on the same store run in one transaction. A negative id means that the page also accepts the
 * response in parts.
 */
export type RequestMessage = readonly [id: number, operations: readonly Operation[]];

/** The error of an operation, with its index among the operations. */
export type OperationFailure = readonly [place: number, error: ErrorData];

/** The results of a request: the value of each operation at its index, and the failures. */
export interface OperationResults {
  readonly values: readonly unknown[];
  readonly failures: readonly OperationFailure[];
}

/** The whole message was refused; none of its operations ran. */
export interface Refusal {
  readonly refused: ErrorData;
}

/**
 * Main to page. The page posts the receipt back as `Receipt` when the response has arrived, so that the main process knows how much of what
 * it posted was received.
 */
export type ResponseMessage =
  | readonly [id: number, values: OperationResults['values'], failures: OperationResults['failures'], receipt?: number]
  | readonly [id: number, refusal: Refusal];

/** Main to page, before a response: the first of its values, in order. The response itself carries the last ones. */
export type ResponsePart = readonly [id: number, values: OperationResults['values']];

/** Page to main. The number can't be guessed. */
export type Receipt = readonly [receipt: number];

export const isResponseMessage = (message: unknown): message is ResponseMessage | ResponsePart =>
  Array.isArray(message) && typeof message[0] === 'number';

/** Maximum operations in a message; larger messages are refused. */
export const MAX_OPERATIONS = 10_000;
/** Maximum size of one call or its result, in bytes: a page can read everything that a page can set. */
export const MAX_CALL_BYTES = 32 * 2 ** 20;

/** Maximum that a page may have in flight. More is refused with `BUSY`, so that the queue in the main process is bounded. */
export const MAX_IN_FLIGHT = { operations: 2 * MAX_OPERATIONS, bytes: 2 * MAX_CALL_BYTES } as const;

/**
 * Maximum of a message as pages send it; the rest of a turn's calls go into the next message, and commit with it. Small enough for the main
 * process to run it in a few milliseconds; larger messages are no faster (docs/decisions/0010).
 */
export const MAX_BATCH = { operations: 512, bytes: 2 ** 20 } as const;

/** Maximum full messages a page has in flight: while the main process runs one, the next one arrives. */
export const MAX_BATCHES_IN_FLIGHT = 2;

/** Maximum total size of the values in one response, in bytes; further reads fail with `TOO_LARGE`. */
export const MAX_RESPONSE_BYTES = 2 * MAX_CALL_BYTES;

/** Maximum bytes of a response in one message: posting 1 MiB blocks the main process for up to 10 ms (docs/decisions/0024). */
export const MAX_SINGLE_RESPONSE_BYTES = 2 ** 24;

/** Approximate bytes of the values in one part of a response. */
export const RESPONSE_PART_BYTES = 2 ** 20;

/** Returns whether the page accepts the response to a request in parts. */
export const takesParts = (id: number): boolean => id < 0;

/** Approximate bytes of an operation in a message, without its arguments. */
export const OPERATION_OVERHEAD_BYTES = 200;

/** A page's subscription. */
export interface SubscribeRequest {
  /** The page's number for the subscription. */
  readonly id: number;
  readonly store: string;
  readonly range: SubscribeOptions;
}

/** A change of an item, or `reset`: changes were lost, so read again whatever you show. */
export type ChangeOrReset<K = Key, V = unknown> =
  | Change<K, V>
  | {
      readonly kind: 'reset';
      readonly key?: never;
      readonly value?: never;
      readonly before?: never;
      readonly error?: never;
    };

/** What a subscriber receives: changes of a store, events of a queue, and for both a notice that some were lost. */
export type StoreEvent = ChangeOrReset | ValueEvent | QueueEvent;

/** What main sends to a subscription with values. Errors are data. `known` is the value that a key had when the subscription began. */
export type ValueEvent =
  | { readonly kind: 'known'; readonly key: Key; readonly value: unknown }
  | { readonly kind: 'set'; readonly key: Key; readonly value: unknown }
  | { readonly kind: 'set'; readonly key: Key; readonly error: ErrorData }
  | { readonly kind: 'reset' };

/** Main to page: the changes since the last such message. The next one follows once the page has sent this one's number with `seen`. */
export interface ChangesMessage {
  readonly deskcache: 'changes';
  readonly number: number;
  readonly changes: readonly (readonly [subscription: number, events: readonly StoreEvent[]])[];
}

/** The API that the main process also exposes, through comlink: flat, frozen, one plain argument each. */
export interface ControlApi {
  watch(watch: SubscribeRequest): Outcome<undefined> | Refusal;
  unwatch(id: number): undefined | Refusal;
  seen(number: number): undefined | Refusal;
  /** The page keeps a store's values in its near cache while its lease lasts; returns false if values it kept before may be stale. */
  near(store: string): Outcome<boolean> | Refusal;
  far(store: string): undefined | Refusal;
  /** The page has dropped the items named by the `Invalidation` with this number. */
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

/** The last message over a port: the sender is closing, and pending calls get no response. */
export interface Goodbye {
  readonly deskcache: 'goodbye';
  readonly reason: ErrorData;
}

export const createGoodbye = (reason: ErrorData): Goodbye => ({ deskcache: 'goodbye', reason });

export function isGoodbye(message: unknown): message is Goodbye {
  const { deskcache, reason } = Object(message) as Record<string, unknown>;
  return deskcache === 'goodbye' && isErrorData(reason);
}
