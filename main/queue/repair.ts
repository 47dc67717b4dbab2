import type { Finding } from '../engine/index.ts';
import { CONSISTENCY, type ConsistencyOptions } from '../engine/internal.ts';
import { schedule } from './schedule.ts';
import { inTransaction, type OpenQueue, type QueueTransaction } from './transaction.ts';

/**
 * Looks for damage of every kind. `repair` deletes what is damaged, jobs that can't be read with it, and puts what is left in
 * order again: what follows from the jobs is rebuilt.
 */
export function checkQueue(core: OpenQueue, repair: boolean): Finding[] {
  if (!repair) return core.index.check();
  // No other writer comes in between what is taken out and what follows from it.
  const options: ConsistencyOptions = {
    repair,
    [CONSISTENCY]: { check: () => [], repair: () => inTransaction(core, rebuild) },
  };
  return core.index.check(options);
}

/**
 * Rebuilds places, heads, keys and counts from the jobs, and from what is still known of where they were. Of a queue that is
 * whole it changes nothing, except that those are ready whose time has come. O(n).
 */
export function rebuild(step: QueueTransaction): void {
  const { jobs, ready, delayed, due, held, heads, dedupe, running, dead, failed, progress } = step.tables;
  const dueAt = new Map<number, number>();
  for (const [[id], when] of delayed.entries()) dueAt.set(id, when);
  for (const [[, id], { dueAt: when }] of held.entries()) dueAt.set(id, when);
  const formerHeads = heads.entries().map(([, id]) => id);
  for (const shelf of [ready, delayed, due, held, heads, dedupe]) shelf.clear();
  for (const shelf of [running, dead, failed, progress]) {
    for (const [id] of [...shelf.keys()]) if (!jobs.has(id)) shelf.delete(id);
  }

  step.resetCounts();
  const waiting = new Set<number>();
  for (const [id] of jobs.keys()) {
    step.markUsed('id', id);
    // A ticket from before the counts were lost must not be given again: none was ever as large as the time.
    if (step.areCountersMissing) step.markUsed('ticket', Math.floor(step.now));
    const begun = running.get(id);
    if (dead.has(id)) step.count('dead', 1);
    else if (begun === undefined) waiting.add(id);
    else {
      const { group, dedupeKey } = jobs.get(id)!;
      step.markUsed('ticket', begun.ticket);
      step.count('running', 1);
      if (group !== undefined) heads.put([group], id);
      if (dedupeKey !== undefined) dedupe.put([dedupeKey], id);
    }
  }
  // Who stood for a group goes on to do so.
  const inTurn = new Set([...formerHeads.filter((id) => waiting.has(id)), ...waiting]);
  for (const id of inTurn) {
    const job = jobs.get(id)!;
    if (job.dedupeKey !== undefined) dedupe.put([job.dedupeKey], id);
    schedule(step, id, job, dueAt.get(id) ?? step.now);
  }
}
