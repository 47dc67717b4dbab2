/** Keys that are read at once, and kept. */
const READ_KEYS = 256;
const MAX_KEYS = 1024;

/** The numbers of a key of the schedule. */
export type NumberPath = readonly number[];

/**
 * The first keys of a table in memory, for a queue that one process owns: to look for the next job on disk, everything in the write journal would
 * have to be applied first. Invariant: `#keys` are the first keys of the table, or all of them if `#isComplete`.
 */
export class KeyWindow {
  #keys: NumberPath[] | undefined;
  #isComplete = false;

  /** Returns the first `count` keys; where more are needed than known, `read` returns the first ones of the table. */
  first(count: number, read: (count: number) => NumberPath[]): NumberPath[] {
    if (this.#keys === undefined || (this.#keys.length < count && !this.#isComplete)) {
      const wanted = Math.max(count, READ_KEYS);
      this.#keys = read(wanted);
      this.#isComplete = this.#keys.length < wanted;
    }
    return this.#keys.slice(0, count);
  }

  /** A key was added to the table, or is there already. O(keys in memory). */
  add(key: NumberPath): void {
    const keys = this.#keys;
    if (keys === undefined) return;
    const at = findPlace(keys, key);
    if (at === keys.length ? !this.#isComplete : compare(keys[at]!, key) === 0) return;
    keys.splice(at, 0, key);
    if (keys.length <= MAX_KEYS) return;
    keys.length = READ_KEYS;
    this.#isComplete = false;
  }

  delete(key: NumberPath): void {
    const keys = this.#keys;
    if (keys === undefined) return;
    const at = findPlace(keys, key);
    if (at < keys.length && compare(keys[at]!, key) === 0) keys.splice(at, 1);
  }

  /** Forgets everything: what is in memory may have been rolled back, or changed by a repair. */
  forget(): void {
    this.#keys = undefined;
  }
}

/** Returns the index of the first key that is not smaller. O(log n). */
function findPlace(keys: readonly NumberPath[], key: NumberPath): number {
  let low = 0;
  let high = keys.length;
  // Most keys are added at the end.
  if (high > 0 && compare(keys[high - 1]!, key) < 0) return high;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compare(keys[middle]!, key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The order of keys on disk. */
function compare(one: NumberPath, other: NumberPath): number {
  for (const [nth, part] of one.entries()) {
    const difference = part - other[nth]!;
    if (difference !== 0) return difference;
  }
  return 0;
}
