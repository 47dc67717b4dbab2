import { DiskCacheError, fromErrorData } from '../../protocol/error.ts';
import { weightOf } from '../../protocol/weight.ts';
import { MAX_CALL, OPERATION_WEIGHT, type Operation, PARCEL, type Results } from '../../protocol/wire.ts';

/** Who waits for an operation. */
export interface Call {
  readonly isRead: boolean;
  /** What to do instead, where the main process finds the call or its answer too large. */
  readonly tooLarge: Instead | undefined;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

export type Instead = (refused: DiskCacheError) => Promise<unknown>;

/**
 * About how many bytes a call takes in a message.
 *
 * @throws {DiskCacheError} `TOO_LARGE`
 */
export function weightOfCall(store: string, args: readonly unknown[]): number {
  // One by one: most arguments are no objects, and cost nothing then.
  let weight = OPERATION_WEIGHT;
  for (const argument of args) weight += weightOf(argument);
  if (weight <= MAX_CALL) return weight;
  const message = `A call of ${weight} bytes for store "${store}" is too much, ${MAX_CALL} is the most; large bytes go with set or writeStream of a cache`;
  throw new DiskCacheError('TOO_LARGE', message);
}

/** Calls that travel together. */
export class Parcel {
  readonly calls: Call[] = [];
  readonly operations: Operation[] = [];
  bytes = 0;
  /** Its line was cut once. */
  isAgain = false;
  /** No other call travels with it. */
  readonly #isAlone: boolean;

  constructor(isAlone: boolean) {
    this.#isAlone = isAlone;
  }

  hasRoomFor(weight: number): boolean {
    return !this.#isAlone && this.calls.length < PARCEL.operations && this.bytes + weight <= PARCEL.bytes;
  }

  add(operation: Operation, call: Call, weight: number): void {
    this.operations.push(operation);
    this.calls.push(call);
    this.bytes += weight;
  }

  /** Whether it may be sent once more when its line was cut, for it only reads. */
  get isRepeatable(): boolean {
    return !this.isAgain && this.calls.every(({ isRead }) => isRead);
  }

  settle({ values, failures }: Results): void {
    const failed = new Map(failures);
    this.calls.forEach(({ resolve, reject, tooLarge }, place) => {
      const data = failed.get(place);
      if (data === undefined) resolve(values[place]);
      else if (data.code === 'TOO_LARGE' && tooLarge !== undefined) resolve(tooLarge(fromErrorData(data)));
      else reject(fromErrorData(data));
    });
  }

  reject(error: unknown): void {
    for (const call of this.calls) call.reject(error);
  }
}
