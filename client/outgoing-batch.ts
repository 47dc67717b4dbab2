import { estimateBytes } from '../protocol/clone.ts';
import { DiskCacheError, fromErrorData } from '../protocol/error.ts';
import {
  MAX_BATCH,
  MAX_CALL_BYTES,
  OPERATION_OVERHEAD_BYTES,
  type Operation,
  type OperationResults,
} from '../protocol/wire.ts';

/** The caller of an operation. */
export interface OutgoingCall {
  readonly isRead: boolean;
  /** Runs instead if the main process finds the call or its result too large. */
  readonly onTooLarge: Fallback | undefined;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

export type Fallback = (refused: DiskCacheError) => Promise<unknown>;

/**
 * Returns the approximate bytes of a call in a message.
 *
 * @throws {DiskCacheError} `TOO_LARGE`
 */
export function estimateCallBytes(store: string, args: readonly unknown[]): number {
  // One by one: most arguments are not objects, and are cheap to measure.
  let bytes = OPERATION_OVERHEAD_BYTES;
  for (const argument of args) bytes += estimateBytes(argument);
  if (bytes <= MAX_CALL_BYTES) return bytes;
  const message = `A call of ${bytes} bytes for store "${store}" is too large, the maximum is ${MAX_CALL_BYTES}; store large bytes in a cache`;
  throw new DiskCacheError('TOO_LARGE', message);
}

/** Calls that are sent in one message. */
export class OutgoingBatch {
  readonly calls: OutgoingCall[] = [];
  readonly operations: Operation[] = [];
  bytes = 0;
  /** Its connection was lost once. */
  isRetry = false;
  /** No other call is sent with it. */
  readonly #isAlone: boolean;

  constructor(isAlone: boolean) {
    this.#isAlone = isAlone;
  }

  fits(weight: number): boolean {
    return !this.#isAlone && this.calls.length < MAX_BATCH.operations && this.bytes + weight <= MAX_BATCH.bytes;
  }

  add(operation: Operation, call: OutgoingCall, weight: number): void {
    this.operations.push(operation);
    this.calls.push(call);
    this.bytes += weight;
  }

  /** Whether it may be sent once more after its connection was lost, because it only reads. */
  get isIdempotent(): boolean {
    return !this.isRetry && this.calls.every(({ isRead }) => isRead);
  }

  settle({ values, failures }: OperationResults): void {
    const failed = new Map(failures);
    this.calls.forEach(({ resolve, reject, onTooLarge }, place) => {
      const data = failed.get(place);
      if (data === undefined) resolve(values[place]);
      else if (data.code === 'TOO_LARGE' && onTooLarge !== undefined) resolve(onTooLarge(fromErrorData(data)));
      else reject(fromErrorData(data));
    });
  }

  reject(error: unknown): void {
    for (const call of this.calls) call.reject(error);
  }
}
