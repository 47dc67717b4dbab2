import { DiskCacheError } from '../../protocol/error.ts';
import type { Key } from '../engine/index.ts';
import { fromJson, toJson } from '../engine/values/json-value.ts';
import type { Job, JobState, Queue } from '../queue/index.ts';
import type { Jobs, Params, QueueJob } from './contract.ts';
import { assertKind, findStore, type InspectionSource } from './inspected-stores.ts';
import { toValueNode } from './value-node.ts';

const findQueue = (source: InspectionSource, name: string): Queue => assertKind(findStore(source, name), 'queue').store;

/** @throws {DiskCacheError} `NO_SUCH_STORE`, `BAD_OPTION` for an unknown state or cursor. */
export function listJobs(source: InspectionSource, { store, state, after }: Params<'jobs'>): Jobs {
  const queue = findQueue(source, store);
  const { items, next } = queue.page(state as JobState, after === undefined ? undefined : fromJson(after));
  return {
    counts: queue.counts(),
    isPaused: queue.paused,
    jobs: items.map(toQueueJob),
    ...(next !== undefined && { next: toJson(next) }),
  };
}

function toQueueJob({ payload, progress, group, dedupeKey, ...plain }: Job<unknown>): QueueJob {
  return {
    ...plain,
    payload: toValueNode(payload),
    ...(progress !== undefined && { progress: toValueNode(progress) }),
    ...toJsonKeys({ group, dedupeKey }),
  };
}

const toJsonKeys = (keys: Readonly<Record<string, Key | undefined>>): object =>
  Object.fromEntries(Object.entries(keys).flatMap(([name, key]) => (key === undefined ? [] : [[name, toJson(key)]])));

/** Returns whether the job was in a state in which that can be done. */
export function changeJob(
  source: InspectionSource,
  { store, id, action }: Params<'job'>,
): { readonly isDone: boolean } {
  const queue = findQueue(source, store);
  if (action === 'retry') return { isDone: queue.retry(id) };
  if (action === 'remove') return { isDone: queue.remove(id) };
  throw new DiskCacheError('BAD_OPTION', 'action has to be "retry" or "remove"');
}

export function setPaused(source: InspectionSource, { store, isPaused }: Params<'pause'>): void {
  const queue = findQueue(source, store);
  if (isPaused) queue.pause();
  else queue.resume();
}
