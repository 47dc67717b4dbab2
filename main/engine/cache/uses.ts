import { EVICTION_POLICIES } from '../policy/eviction.ts';
import type { Core } from './core.ts';
import type { Settings } from './settings.ts';
import { atomically } from './transaction.ts';
import { withoutFailing } from './upkeep.ts';

/** So many items' uses are remembered; beyond twice that the oldest are let go. */
const MOST = 32_768;
/** A write takes so many along. */
const PER_WRITE = 8;
/** Milliseconds after which they are written down without a write, so many in one transaction. */
const PATIENCE = 1000;
const PER_TIMER = 2048;

/** Uses only sharpen the order of eviction: nothing may fail for them. */
const COUNTING = 'Counting the reads of';

/** Reads of one item that are not on disk yet. */
export interface Use {
  readonly id: number;
  /** The last one's stamp: epoch milliseconds with a fraction. */
  at: number;
  hits: number;
}

/**
 * Reads that are not on disk yet, under a policy that counts them: a read never writes. They go there with the next writes,
 * on a timer, and at close. The first read of an item puts it on a list, further ones only count.
 */
export class Uses {
  /** Counted when `statistics` is on. */
  hits = 0;
  misses = 0;
  timer: NodeJS.Timeout | undefined;
  statistics = false;
  countsReads = false;
  #recent: Use[] = [];
  #waiting = new Map<number, Use>();
  #older = new Map<number, Use>();

  /** Takes over what the settings say. */
  follow({ statistics, evictionPolicy }: Settings): void {
    this.statistics = statistics;
    this.countsReads = EVICTION_POLICIES[evictionPolicy].countsReads;
  }

  get isEmpty(): boolean {
    return this.#recent.length + this.#waiting.size + this.#older.size + this.hits + this.misses === 0;
  }

  /** Whether there may be some for an item. */
  get mayHold(): boolean {
    return this.#recent.length + this.#waiting.size + this.#older.size > 0;
  }

  note(use: Use, at: number): void {
    use.at = at;
    if (use.hits++ > 0) return;
    this.#recent.push(use);
    if (this.#recent.length >= MOST) this.#sort();
  }

  /** The reads of one item that are not on disk yet. */
  of(id: number): Readonly<Use> | undefined {
    this.#sort();
    return this.#waiting.get(id) ?? this.#older.get(id);
  }

  /** Takes the use of one item out. */
  take(id: number): Readonly<Use> | undefined {
    const use = this.of(id);
    this.#waiting.delete(id);
    this.#older.delete(id);
    return use;
  }

  clear(): void {
    this.#recent = [];
    this.#waiting.clear();
    this.#older.clear();
  }

  /** The ids whose uses wait longest. */
  waiting(most: number): readonly number[] {
    this.#sort();
    const ids: number[] = [];
    for (const uses of [this.#older, this.#waiting]) {
      for (const id of uses.keys()) {
        if (ids.length >= most) return ids;
        ids.push(id);
      }
    }
    return ids;
  }

  /** The list by id, and the items on it ready to be listed again. */
  #sort(): void {
    if (this.#recent.length === 0) return;
    for (const use of this.#recent) {
      const { id, at, hits } = use;
      use.hits = 0;
      const before = this.#waiting.get(id) ?? this.#older.get(id);
      if (before === undefined) this.#waiting.set(id, { id, at, hits });
      else {
        before.at = Math.max(before.at, at);
        before.hits += hits;
      }
    }
    this.#recent = [];
    if (this.#waiting.size < MOST) return;
    this.#older = this.#waiting;
    this.#waiting = new Map();
  }
}

/** An item was read. */
export function hit(core: Core, use: Use): void {
  const { uses } = core;
  if (!uses.countsReads && !uses.statistics) return;
  if (uses.statistics) uses.hits++;
  if (uses.countsReads) uses.note(use, core.memory.isOff ? core.stamps.at(core.clock()) : core.stamps.next());
  if (uses.timer === undefined) startTimer(core);
}

/** Nothing was found. */
export function miss(core: Core): undefined {
  if (!core.uses.statistics) return;
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
  if (uses.isEmpty) return;
  for (const id of uses.waiting(most)) writeUse(core, id);
  if (uses.hits > 0) sql.count.run(uses.hits, 'hits');
  if (uses.misses > 0) sql.count.run(uses.misses, 'misses');
  const { hits, misses } = uses;
  uses.hits = uses.misses = 0;
  core.transaction.afterRollback.push(() => {
    uses.hits += hits;
    uses.misses += misses;
  });
}

/** Writes everything down, if the write lock can be had; at close. */
export function settleUses(core: Core): void {
  const { uses } = core;
  clearTimeout(uses.timer);
  if (core.usage.readOnly || uses.isEmpty) return;
  withoutFailing(core, () => atomically(core, () => writeUses(core, Number.POSITIVE_INFINITY)), COUNTING);
}

function startTimer(core: Core): void {
  if (core.usage.readOnly) return;
  core.uses.timer = setTimeout(() => {
    core.uses.timer = undefined;
    withoutFailing(core, () => atomically(core, () => writeUses(core, PER_TIMER)), COUNTING);
    if (!core.uses.isEmpty) startTimer(core);
  }, PATIENCE);
  core.uses.timer.unref();
}
