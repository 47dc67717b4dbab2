import { inDurableTransaction } from '../cache/configure.ts';
import { inWriteTransaction } from '../cache/transaction.ts';
import { checkpointStep } from '../space/maintenance.ts';
import type { Core } from '../state/core.ts';
import { ApplyPlan, type ApplyTarget, type PlannedItems, toPlannedItems } from './apply.ts';
import { createTarget, withoutLog } from './apply-target.ts';
import type { JournalFile } from './journal-file.ts';
import type { PendingItem } from './pending.ts';
import type { PendingRecords } from './pending-records.ts';

/** Changes applied in one step: about 1 ms. */
export const SLICE_CHANGES = 128;

/** A journal file with the changes in it. */
export interface Generation {
  readonly file: JournalFile;
  readonly changes: PendingRecords;
}

/** A generation that gets no more records. */
export interface SealedGeneration extends Generation {
  readonly lastNumber: number;
  plan: ApplyPlan | undefined;
  isApplied: boolean;
}

/** Applies the changes of a journal to the database. To be used within `Generations.unguarded`. */
export class Applier {
  readonly #core: Core;
  readonly #target: ApplyTarget;

  constructor(core: Core) {
    this.#core = core;
    this.#target = createTarget(core);
  }

  /**
   * Does the next step of applying a sealed generation, at most `maxChanges` of its changes. After the last one `isApplied` is true, and the file
   * is needed no more.
   *
   * @throws {DiskCacheError} `DISK_FULL`, `IO`, …: the step can be repeated.
   */
  step(sealed: SealedGeneration, maxChanges: number): void {
    if (sealed.plan === undefined) {
      // The transactions in between are states that never were: recovery needs the whole file to get past them.
      sealed.file.sync();
      sealed.plan = new ApplyPlan(this.#target, sealed.changes);
    }
    const { plan } = sealed;
    if (!plan.isPlanned) this.#plan(plan, SLICE_CHANGES);
    else if (!plan.hasAtMost(maxChanges)) {
      inWriteTransaction(this.#core, () => this.#apply(plan, maxChanges));
      checkpointStep(this.#core);
    } else {
      // It is synced, and with it those before: the log of SQLite is synced as a whole. Only then the file may go.
      inDurableTransaction(this.#core, () => this.#applyLast(plan, sealed.lastNumber));
      sealed.isApplied = true;
    }
  }

  /** Applies changes up to a number. One transaction needs no sync: it is atomic, and the file stays until it is sealed. */
  applyAtOnce(changes: PlannedItems, lastNumber: number): void {
    const plan = new ApplyPlan(this.#target, changes);
    this.#plan(plan, Number.POSITIVE_INFINITY);
    inWriteTransaction(this.#core, () => this.#applyLast(plan, lastNumber));
  }

  /** Makes changes that are in no record, and aren't logged. Inside a write transaction. */
  applyDirectly(changes: readonly PendingItem[]): void {
    const plan = new ApplyPlan(this.#target, toPlannedItems(changes));
    plan.plan(Number.POSITIVE_INFINITY);
    withoutLog(this.#core, () => plan.apply(Number.POSITIVE_INFINITY));
  }

  /** Looks up rows in one read transaction: to begin and end one for each takes longer than the look-up. */
  #plan(plan: ApplyPlan, maxItems: number): void {
    const { snapshot } = this.#core.connection;
    snapshot.renew();
    try {
      plan.plan(maxItems);
    } finally {
      snapshot.release();
    }
  }

  /** The last changes of a plan, and the watermark. Inside a write transaction. */
  #applyLast(plan: ApplyPlan, lastNumber: number): void {
    this.#apply(plan, Number.POSITIVE_INFINITY);
    this.#core.sql.upsertCounter.run(lastNumber, 'journal');
  }

  #apply(plan: ApplyPlan, maxChanges: number): void {
    const { position } = plan;
    this.#core.transaction.afterRollback.push(() => {
      plan.position = position;
    });
    withoutLog(this.#core, () => plan.apply(maxChanges));
  }
}
