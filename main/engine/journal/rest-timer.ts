import { runAndWarn } from '../diagnostics.ts';
import { unrefTimer } from '../realm.ts';
import { checkpointIfAhead } from '../space/maintenance.ts';
import type { Core } from '../state/core.ts';
import { SLICE_CHANGES } from './applier.ts';
import type { Generations } from './generations.ts';

/** A journal to which nothing was appended for this time is applied. */
const REST_MS = 250;
/** A journal at rest keeps files of at most this size. */
const MAX_IDLE_BYTES = 256 * 1024;

/** Applies a journal when nothing is appended to it any more. */
export class RestTimer {
  readonly #core: Core;
  readonly #generations: Generations;
  #timer: NodeJS.Timeout | undefined;
  #appends = 0;

  constructor(core: Core, generations: Generations) {
    this.#core = core;
    this.#generations = generations;
  }

  noteAppend(): void {
    this.#appends++;
    this.#timer ??= this.#start(REST_MS);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** The timer goes on until everything is applied: in steps, one after the other, as long as nothing is appended. */
  #start(delayMs: number): NodeJS.Timeout {
    const appends = this.#appends;
    return unrefTimer(
      setTimeout(() => {
        this.#timer = undefined;
        let next = REST_MS;
        runAndWarn(
          this.#core,
          () => {
            if (appends !== this.#appends || this.#core.transaction.depth > 0) return;
            this.#generations.unguarded(() => this.#apply());
            next = 0;
          },
          'Applying the journal of',
        );
        if (this.#generations.pendingCount > 0) this.#timer = this.#start(next);
      }, delayMs),
    );
  }

  #apply(): void {
    const { pendingCount, isSealed } = this.#generations;
    if (pendingCount <= SLICE_CHANGES && !isSealed) this.#generations.applyAll();
    else this.#generations.applyStep();
    if (this.#generations.pendingCount > 0) return;
    if (this.#generations.bytes > MAX_IDLE_BYTES) this.#generations.shrink();
    checkpointIfAhead(this.#core);
  }
}
