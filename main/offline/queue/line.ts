import type { Key } from '../../engine/index.ts';
import type { JobRow } from './shelves.ts';
import type { Step } from './step.ts';

/** So many jobs whose time has come are moved in one transaction, so that it stays short. */
const PROMOTED = 1024;

/** Lets a job wait: by itself, or behind the head of its group. */
export function admit(step: Step, id: number, { priority, group }: JobRow, dueAt: number): void {
  const { heads, held } = step.shelves;
  if (group !== undefined) {
    if (heads.has(group)) {
      held.put([group, id], { priority, dueAt });
      step.count('held', 1);
      return;
    }
    heads.put([group], id);
  }
  wait(step, id, priority, dueAt);
}

/** A job that stands for its group, or has none, waits for its time, then for a worker. */
export function wait(step: Step, id: number, priority: number, dueAt: number): void {
  const { ready, delayed, due } = step.shelves;
  if (dueAt <= step.now) {
    ready.put([-priority, id], null);
    step.count('ready', 1);
  } else {
    delayed.put([id], dueAt);
    due.put([dueAt, id], priority);
    step.count('delayed', 1);
  }
}

/** Makes those ready whose time has come. */
export function promote(step: Step): void {
  if (!step.isAny('delayed')) return;
  const { due } = step.shelves;
  for (const [dueAt, id] of due.first(PROMOTED)) {
    if (dueAt > step.now) return;
    const priority = due.get(dueAt, id) ?? 0;
    takeFromDelayed(step, id);
    wait(step, id, priority, dueAt);
  }
}

function takeFromDelayed(step: Step, id: number): void {
  const { delayed, due } = step.shelves;
  const dueAt = delayed.get(id);
  if (dueAt === undefined) return;
  delayed.delete(id);
  due.delete(dueAt, id);
  step.count('delayed', -1);
}

/** Takes a job from where it waits, wherever that is. */
export function withdraw(step: Step, id: number, { priority, group }: JobRow): void {
  const { ready, held } = step.shelves;
  takeFromDelayed(step, id);
  if (ready.delete(-priority, id)) step.count('ready', -1);
  if (group !== undefined && held.delete(group, id)) step.count('held', -1);
}

/** A job that is done, dead or removed: its group goes on, its key is free. */
export function depart(step: Step, id: number, { group, dedupeKey }: JobRow): void {
  if (dedupeKey !== undefined) step.shelves.dedupe.delete(dedupeKey);
  if (group !== undefined && step.shelves.heads.get(group) === id) advance(step, group);
}

function advance(step: Step, group: Key): void {
  const { heads, held } = step.shelves;
  const [next] = held.first(1, group);
  if (next === undefined) {
    heads.delete(group);
    return;
  }
  const [, id] = next;
  const { priority, dueAt } = held.get(group, id)!;
  held.delete(group, id);
  step.count('held', -1);
  heads.put([group], id);
  wait(step, id, priority, dueAt);
}
