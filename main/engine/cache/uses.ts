import { DiskCacheError } from '../../../protocol/error.ts';
import { EVICTION_POLICIES } from '../policy/eviction.ts';
import type { Core } from './core.ts';
import { atomically } from './transaction.ts';

/** So many items' uses are remembered; beyond that the oldest are let go. */
const MOST = 65_536;
/** A write takes so many along. */
const PER_WRITE = 8;
/** Milliseconds after which they are written down without a write, so many in one transaction. */
const PATIENCE = 1000;
const PER_TIMER = 2048;

interface Use {
  /** A stamp: epoch milliseconds with a fraction. */
  at: number;
  hits: number;
}

/**
 * Reads that are not on disk yet, under a policy that counts them: a read never writes. They go there with the next writes,
 * on a timer, and at close.
 */
export class Uses {
  /** Counted when `statistics` is on. */
  hits = 0;
  misses = 0;
  timer: NodeJS.Timeout | undefined;
  readonly #pending = new Map<number, Use>();

  get size(): number {
    return this.#pending.size;
  }

  note(id: number, at: number): void {
    const use = this.#pending.get(id);
    if (use !== undefined) {
      use.at = at;
      use.hits++;
      return;
    }
    if (this.#pending.size === MOST) for (const oldest of this.#pending.keys()) if (this.#pending.delete(oldest)) break;
    this.#pending.set(id, { at, hits: 1 });
  }

  has(id: number): boolean {
    return this.#pending.has(id);
  }

  forget(id: number): void {
    if (this.#pending.size > 0) this.#pending.delete(id);
  }

  clear(): void {
    this.#pending.clear();
  }

  /** Takes the use of one item out. */
  take(id: number): Readonly<Use> | undefined {
    const use = this.#pending.get(id);
    this.#pending.delete(id);
    return use;
  }

  /** The ids whose uses wait longest. */
  waiting(most: number): readonly number[] {
    const ids: number[] = [];
    for (const id of this.#pending.keys()) if (ids.push(id) >= most) break;
    return ids;
  }
}

/** An item was read. */
export function hit(core: Core, id: number): void {
  const { settings, uses } = core;
  if (settings.statistics) uses.hits++;
  else if (!EVICTION_POLICIES[settings.evictionPolicy].countsReads) return;
  if (EVICTION_POLICIES[settings.evictionPolicy].countsReads) uses.note(id, core.stamps.at(core.clock()));
  if (uses.timer === undefined) startTimer(core);
}

/** Nothing was found. */
export function miss(core: Core): undefined {
  if (!core.settings.statistics) return;
  core.uses.misses++;
  if (core.uses.timer === undefined) startTimer(core);
}

/** Writes down the use of one item. Inside a write transaction. */
export function writeUse({ sql, uses }: Core, id: number): void {
  const use = uses.take(id);
  if (use !== undefined) sql.use.run(use.at, use.hits, id);
}

/** Writes down what waits longest. Inside a write transaction. */
export function writeUses(core: Core, most = PER_WRITE): void {
  const { sql, uses } = core;
  if (uses.size > 0) for (const id of uses.waiting(most)) writeUse(core, id);
  if (uses.hits > 0) sql.count.run(uses.hits, 'hits');
  if (uses.misses > 0) sql.count.run(uses.misses, 'misses');
  uses.hits = uses.misses = 0;
}

/** Writes everything down, if the write lock can be had; at close. */
export function settleUses(core: Core): void {
  const { uses } = core;
  clearTimeout(uses.timer);
  if (core.usage.readOnly || (uses.size === 0 && uses.hits === 0 && uses.misses === 0)) return;
  try {
    atomically(core, () => writeUses(core, Number.POSITIVE_INFINITY));
  } catch (error) {
    // They only sharpen the order of eviction: a full disk or a long writer must not keep a store from closing.
    if (!(error instanceof DiskCacheError)) throw error;
  }
}

function startTimer(core: Core): void {
  if (core.usage.readOnly) return;
  core.uses.timer = setTimeout(() => {
    core.uses.timer = undefined;
    try {
      atomically(core, () => writeUses(core, PER_TIMER));
    } catch (error) {
      if (!(error instanceof DiskCacheError)) throw error;
    }
    if (core.uses.size > 0) startTimer(core);
  }, PATIENCE);
  core.uses.timer.unref();
}
