import { estimateBytes } from '../../../protocol/clone.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import { ENCODING, ZSTD_FLAG } from './encoding.ts';

/** What structured clone keeps of an Error. */
const ERROR_PROPERTIES: readonly string[] = ['message', 'stack', 'cause'];

/** What one call on behalf of a page may read, and how long it may take. The engine is synchronous, so there is one at a time. */
export interface ReadBudget {
  /** Decoded bytes that may be read; what is read is taken off. */
  bytes: number;
  /** Whether nothing was read yet: one value may have more parts than several may have together. */
  isUntouched?: boolean | undefined;
  /** Of a value that can be a stream (plain bytes and text). */
  readonly maxValueBytes?: number | undefined;
  /** `performance.now()`, after which what reads value after value gives up. */
  deadline?: number | undefined;
  /** Deletions in steps, each a transaction, may end then: `isPaused` tells that there is more to do. Pages of results may be empty. */
  pauseAt?: number | undefined;
  isPaused?: boolean;
}

let currentBudget: ReadBudget | undefined;
/** Values that are only looked at, one after the other, and not returned. */
let isTransientRead = false;

/** Thrown at the deadline. What was written in the transaction is undone. */
export class OutOfTime extends DiskCacheError {
  constructor() {
    super(
      'TOO_LARGE',
      'The call looks at more values than the main process does in one go; do less in one batch, or in the main process',
    );
  }
}

/**
 * Runs synchronous work within an allowance. Not to be nested.
 *
 * @throws {DiskCacheError} `TOO_LARGE` from the verb that wanted more; `OutOfTime`; what `work` throws.
 */
export function withReadBudget<T>(budget: ReadBudget, work: () => T): T {
  currentBudget = budget;
  try {
    return work();
  } finally {
    currentBudget = undefined;
  }
}

/** Runs work that reads values and keeps none: only its time is limited. */
export function withoutByteLimit<T>(work: () => T): T {
  const before = isTransientRead;
  isTransientRead = true;
  try {
    return work();
  } finally {
    isTransientRead = before;
  }
}

/** Whether a page is being answered, whose calls must not hold up the main process. */
export const isLimited = (): boolean => currentBudget !== undefined;

/** The most bytes a value may have when it is decompressed. */
export const getDecodedLimit = (): number =>
  currentBudget === undefined || isTransientRead ? Number.POSITIVE_INFINITY : currentBudget.bytes;

/** @throws {OutOfTime} after the deadline. */
export function assertInTime(): void {
  if (currentBudget?.deadline !== undefined && performance.now() > currentBudget.deadline) throw new OutOfTime();
}

/** Whether a call that passes by much may end before it has found anything. */
export const canPause = (): boolean => currentBudget?.pauseAt !== undefined;

/** Between two steps of a deletion: true when the rest is for later. */
export function shouldPause(): boolean {
  if (currentBudget?.pauseAt === undefined || performance.now() <= currentBudget.pauseAt) return false;
  currentBudget.isPaused = true;
  return true;
}

/** Before a value file is read. @throws {DiskCacheError} `TOO_LARGE` */
export function assertReadable(mode: number, bytes: number): void {
  if (currentBudget === undefined) return;
  const isPlain = mode === ENCODING.bytes || mode === ENCODING.text;
  if (isPlain && bytes > (currentBudget.maxValueBytes ?? bytes)) throw tooLargeError(true, bytes);
  if (!isTransientRead && bytes > currentBudget.bytes) throw tooLargeError(isPlain, bytes);
}

/**
 * Takes a value that was read off the allowance.
 *
 * @throws {DiskCacheError} `TOO_LARGE` when it is more than what is left; `OutOfTime`
 */
export function chargeValue(mode: number, value: unknown): void {
  if (currentBudget === undefined) return;
  assertInTime();
  if (!isTransientRead) charge(currentBudget, computeCost(mode, value, currentBudget.bytes), value);
}

/** Takes the key of an item that is returned off the allowance. @throws {DiskCacheError} `TOO_LARGE` */
export function chargeKey(key: string | number | Uint8Array): void {
  if (currentBudget !== undefined && !isTransientRead)
    charge(currentBudget, PART_COST_BYTES + (typeof key === 'number' ? 0 : key.length), key);
}

function charge(budget: ReadBudget, cost: number, value: unknown): void {
  if (cost > budget.bytes) {
    const weight = budget.isUntouched === true ? estimateBytes(value) : cost;
    if (weight > budget.bytes) throw tooLargeError(false);
    budget.bytes = 0;
  } else {
    budget.bytes -= cost;
  }
  budget.isUntouched = false;
}

const tooLargeError = (isPlain: boolean, bytes?: number): DiskCacheError =>
  new DiskCacheError(
    'TOO_LARGE',
    `${bytes === undefined ? 'The call asks for more than one answer holds' : `The value takes ${bytes} bytes, more than may be read at once`}; read fewer at a time${isPlain ? ', or this one with openReadStream' : ''}`,
  );

/** What an object costs in memory and time, and what any other part costs on top of its text or bytes. */
const OBJECT_COST_BYTES = 256;
const PART_COST_BYTES = 8;

/** Longer arrays may be nearly empty, which only their names tell. */
const MAX_DENSE_LENGTH = 50_000;

/**
 * About the memory that a decoded value takes. A little text can stand for very much of it: `[[],[],…]` grows to fifteen times its
 * size. Counts no further than to a little more than `most`. O(parts).
 */
function computeCost(mode: number, value: unknown, maxBytes: number): number {
  if (typeof value === 'string') return PART_COST_BYTES + value.length;
  if (typeof value !== 'object' || value === null) return PART_COST_BYTES;
  // What JSON gives is a tree; structured clone and codecs may give the same object in several places, even inside itself.
  const seen = mode % ZSTD_FLAG === ENCODING.json ? undefined : new Set<object>();
  const left: object[] = [value];
  let cost = 0;
  const add = (part: unknown): void => {
    if (typeof part === 'object' && part !== null) left.push(part);
    else cost += typeof part === 'string' ? PART_COST_BYTES + part.length : PART_COST_BYTES;
  };
  for (let part = left.pop(); part !== undefined && cost <= maxBytes; part = left.pop()) {
    cost += OBJECT_COST_BYTES;
    if (seen !== undefined && seen.size === seen.add(part).size) continue;
    if (ArrayBuffer.isView(part) || part instanceof ArrayBuffer) cost += part.byteLength;
    else if (part instanceof Set || (Array.isArray(part) && (seen === undefined || part.length <= MAX_DENSE_LENGTH)))
      for (const element of part as Iterable<unknown>) add(element);
    else if (part instanceof Map) {
      for (const [key, element] of part) {
        add(key);
        add(element);
      }
    } else if (part instanceof Error) for (const name of ERROR_PROPERTIES) add((part as unknown as Named)[name]);
    else for (const name of Object.keys(part)) add((part as unknown as Named)[name]);
  }
  return cost;
}

type Named = Record<string, unknown>;
