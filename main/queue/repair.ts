import type { Finding } from '../engine/index.ts';
import { CONSISTENCY, type ConsistencyOptions } from '../engine/internal.ts';
import { schedule } from './schedule.ts';
import { inTransaction, type OpenQueue, type QueueTransaction } from './transaction.ts';

/**
 * Finds damage of every kind. `repair` deletes damaged rows, and jobs that can't be read because of them, and rebuilds the schedule of
 * the others.
 */
export function checkQueue(core: OpenQueue, repair: boolean): Finding[] {
  if (!repair) return core.index.check();
  // In the transaction of the repair, so that no other writer comes between the deletions and the rebuild.
  const options: ConsistencyOptions = {
    repair,
    [CONSISTENCY]: { check: () => [], repair: () => inTransaction(core, rebuild) },
  };
  return core.index.check(options);
}

/**
 * Rebuilds the schedule, group heads, dedupe keys and counters from the jobs and the remaining rows about them. In an undamaged queue
 * it changes nothing, except that due jobs become ready. O(n).
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
    // Tickets given before the counters were lost must not be given again; none was ever as large as the time.
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
  // Former heads of groups come first, so that they stay heads.
  const inTurn = new Set([...formerHeads.filter((id) => waiting.has(id)), ...waiting]);
  for (const id of inTurn) {
    const job = jobs.get(id)!;
    if (job.dedupeKey !== undefined) dedupe.put([job.dedupeKey], id);
    schedule(step, id, job, dueAt.get(id) ?? step.now);
  }
}
