/** From this part of the active file on, appends pay for the sealed one. */
const FREE_FRACTION = 1 / 2;
/** From this part of the active file on, the sealed one is written to the disk: early enough for that to be done when it is needed. */
const SYNC_FRACTION = 1 / 4;

/**
 * Says when appends have to apply a step of the sealed file. They begin when the active file is half full, and pay enough for the sealed one to be
 * applied when it is full: until then a burst costs nothing, and after it no append pays for more than its own changes.
 */
export class Pace {
  readonly #freeChanges: number;
  readonly #changesPerStep: number;
  readonly #syncChanges: number;
  #isSyncing = false;
  #unpaid = 0;

  /** A file of `maxChanges` takes two steps for each `sliceChanges` of them: one to look up the rows and one to change them. */
  constructor(maxChanges: number, sliceChanges: number) {
    this.#freeChanges = Math.floor(maxChanges * FREE_FRACTION);
    this.#syncChanges = Math.floor(maxChanges * SYNC_FRACTION);
    this.#changesPerStep = Math.max(
      1,
      Math.floor((maxChanges - this.#freeChanges) / ((2 * maxChanges) / sliceChanges)),
    );
  }

  get isDue(): boolean {
    return this.#unpaid >= this.#changesPerStep;
  }

  /** Notes changes that were appended to the active file, which holds `size` now. Returns true once: when the sealed one is to be written. */
  charge(changes: number, size: number): boolean {
    if (size > this.#freeChanges) this.#unpaid += changes;
    if (this.#isSyncing || size <= this.#syncChanges) return false;
    this.#isSyncing = true;
    return true;
  }

  /** Returns whether a step is due, which is paid with that. */
  takeStep(): boolean {
    const { isDue } = this;
    if (isDue) this.#unpaid -= this.#changesPerStep;
    return isDue;
  }

  /** When a file is sealed. */
  reset(): void {
    this.#isSyncing = false;
    this.#unpaid = 0;
  }
}
