import { estimateBytes } from '../../../protocol/clone.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import { ENCODING, ZSTD_FLAG } from './encoding.ts';

/** The properties of an Error that structured clone keeps. */
const ERROR_PROPERTIES: readonly string[] = ['message', 'stack', 'cause'];

/** Number and bytes of files. */
export interface FileUsage {
  readonly files: number;
  readonly bytes: number;
}

/** Limits bytes and time of one call on behalf of a page. The engine is synchronous, so only one budget is active at a time. */
export interface ReadBudget {
  /** Decoded bytes that may still be read; each read lowers it. */
  bytes: number;
  /** Whether nothing was read yet: a single value may have more parts than several values together. */
  isUntouched?: boolean | undefined;
  /** Maximum size in bytes of a value that can also be read as a stream (plain bytes and text). */
  readonly maxValueBytes?: number | undefined;
  /** The `performance.now()` after which a scan of many values gives up. */
  deadline?: number | undefined;
  /**
   * The `performance.now()` after which a deletion may stop between two of its transactions; `isPaused` is then true and there is more
   * to do. A result page may be empty because of it.
   */
  pauseAt?: number | undefined;
  isPaused?: boolean;
  /** How far a verb in several slices has got, by store or by its files. */
  progress?: Map<object, unknown> | undefined;
}

let currentBudget: ReadBudget | undefined;
/** Whether values are only compared one after the other, not returned. */
let isTransientRead = false;

/** Thrown at the deadline; the transaction is rolled back. */
export class OutOfTime extends DiskCacheError {
  constructor() {
    super(
      'TOO_LARGE',
      'The call reads more values than a page may have read in one call; do less in one batch, or run it in the main process',
    );
  }
}

/**
 * Runs synchronous work within a budget. Must not be nested.
 *
 * @throws {DiskCacheError} `TOO_LARGE` from the verb that exceeds the budget; `OutOfTime`; anything `work` throws.
 */
export function withReadBudget<T>(budget: ReadBudget, work: () => T): T {
  currentBudget = budget;
  try {
    return work();
  } finally {
    currentBudget = undefined;
  }
}

/** Runs work that reads values without keeping them: only its time is limited, not its bytes. */
export function withoutByteLimit<T>(work: () => T): T {
  const before = isTransientRead;
  isTransientRead = true;
  try {
    return work();
  } finally {
    isTransientRead = before;
  }
}

/** Runs work without the read budget of the page's call that it happens to run in. */
export function withoutReadBudget(work: () => void): void {
  const before = currentBudget;
  currentBudget = undefined;
  try {
    work();
  } finally {
    currentBudget = before;
  }
}

/** Whether the current call comes from a page. Such a call must not block the main process for long. */
export const isLimited = (): boolean => currentBudget !== undefined;

/**
 * Whether many rows may be deleted at once. A page's call does so only where it has to be one transaction, which would take far longer in
 * batches, and has no deadline.
 */
export const mayBlock = (isInTransaction: boolean): boolean =>
  currentBudget === undefined || (isInTransaction && currentBudget.deadline === undefined);

/** Returns the maximum size in bytes of a decompressed value. */
export const getDecodedLimit = (): number =>
  currentBudget === undefined || isTransientRead ? Number.POSITIVE_INFINITY : currentBudget.bytes;

/** @throws {OutOfTime} after the deadline. */
export function assertInTime(): void {
  if (currentBudget?.deadline !== undefined && performance.now() > currentBudget.deadline) throw new OutOfTime();
}

/** Whether a call that skips many items may end before it has found one. */
export const canPause = (): boolean => currentBudget?.pauseAt !== undefined;

/** Returns true if work of several steps should stop between two of them and leave the rest to a later call. */
export function shouldPause(): boolean {
  if (currentBudget?.pauseAt === undefined || performance.now() <= currentBudget.pauseAt) return false;
  currentBudget.isPaused = true;
  return true;
}

/**
 * Returns how far the current call, which runs in several slices, has got in a store or its files; undefined if it runs in one go, or has used up the
 * time of its slice in another store.
 */
export function getProgress<T>(store: object, create: () => T): T | undefined {
  const progress = currentBudget?.progress;
  if (progress === undefined) return undefined;
  if (!progress.has(store)) progress.set(store, create());
  return progress.get(store) as T;
}

/** Whether the current slice is over. */
export const isSliceOver = (): boolean => currentBudget?.isPaused === true;

const NO_FILES: FileUsage = { files: 0, bytes: 0 };

/** Measures a folder of a store's files; for a page once in all slices, and at least one folder in each slice. */
export function measureOnce(files: object, folder: string, measure: () => FileUsage): FileUsage {
  const measured = getProgress(files, () => new Map<string, FileUsage>());
  if (measured === undefined) return measure();
  const known = measured.get(folder);
  if (known !== undefined) return known;
  if (isSliceOver()) return NO_FILES;
  const usage = measure();
  measured.set(folder, usage);
  shouldPause();
  return usage;
}

/** Asserts that a value file may be read, before it is. @throws {DiskCacheError} `TOO_LARGE` */
export function assertReadable(mode: number, bytes: number): void {
  if (currentBudget === undefined) return;
  const isPlain = mode === ENCODING.bytes || mode === ENCODING.text;
  if (isPlain && bytes > (currentBudget.maxValueBytes ?? bytes)) throw tooLargeError(true, bytes);
  if (!isTransientRead && bytes > currentBudget.bytes) throw tooLargeError(isPlain, bytes);
}

/**
 * Charges a value that was read to the budget.
 *
 * @throws {DiskCacheError} `TOO_LARGE` if it exceeds the budget; `OutOfTime`
 */
export function chargeValue(mode: number, value: unknown): void {
  if (currentBudget === undefined) return;
  assertInTime();
  if (!isTransientRead) charge(currentBudget, computeCost(mode, value, currentBudget.bytes), value);
}

/** Returns a function that takes back what is charged from now on: for reads that are done once more. */
export function startRefundable(): () => void {
  const budget = currentBudget;
  if (budget === undefined) return () => {};
  const { bytes, isUntouched } = budget;
  return () => {
    budget.bytes = bytes;
    budget.isUntouched = isUntouched;
  };
}

/** Charges the key of a returned item to the budget. @throws {DiskCacheError} `TOO_LARGE` */
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
    `${bytes === undefined ? 'The call reads more than one response may hold' : `The value takes ${bytes} bytes, more than may be read at once`}; read fewer at a time${isPlain ? ', or this one with openReadStream' : ''}`,
  );

/** The cost of an object in memory and time, and of any other part in addition to its text or bytes. */
const OBJECT_COST_BYTES = 256;
const PART_COST_BYTES = 8;

/** Longer arrays may be sparse, so their property names are walked instead of their length. */
const MAX_DENSE_LENGTH = 50_000;

/**
 * Estimates the memory of a decoded value in bytes. Short text can stand for much more memory: `[[],[],…]` grows to fifteen times
 * its size. Stops counting shortly after `maxBytes`. O(parts).
 */
function computeCost(mode: number, value: unknown, maxBytes: number): number {
  if (typeof value === 'string') return PART_COST_BYTES + value.length;
  if (typeof value !== 'object' || value === null) return PART_COST_BYTES;
  // JSON gives a tree; structured clone and custom codecs may give shared or cyclic objects.
  const seen = mode % ZSTD_FLAG === ENCODING.json ? undefined : new Set<object>();
  const pending: object[] = [value];
  let cost = 0;
  const add = (part: unknown): void => {
    if (typeof part === 'object' && part !== null) pending.push(part);
    else cost += typeof part === 'string' ? PART_COST_BYTES + part.length : PART_COST_BYTES;
  };
  for (let part = pending.pop(); part !== undefined && cost <= maxBytes; part = pending.pop()) {
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
