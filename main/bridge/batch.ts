import { type BatchResult, partsOf, type StepParts } from '../../protocol/batch.ts';
import { type Access, covers } from '../../protocol/contract/signature.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import { Deque } from '../engine/index.ts';
import { type Allowance, isEqual, OutOfTime } from '../engine/internal.ts';
import { Queue } from '../offline/queue/index.ts';
import type { Slices } from './slices.ts';
import type { Store } from './verbs.ts';

/** A call that was let in: what it needs, and how it is done. */
export interface Call {
  readonly access: Access;
  /** It can't be part of a transaction. */
  readonly alone?: true | undefined;
  /** It takes longer the more there is in the store. */
  readonly isLong?: boolean | undefined;
  /** It refuses to read more of one value that can be a stream than so many bytes. */
  readonly bytesOfOne?: number | undefined;
  /** Runs within the allowance. */
  run(allowance: Allowance): unknown;
  /** The same in steps, outside of a transaction. */
  slices?: ((allowance: Allowance) => Slices) | undefined;
}

/** Steps in a batch, and keys or values in a call. All of it is one transaction, for which the main process stands still. */
export const MAX_ITEMS = 10_000;

/** Milliseconds after which a batch begins nothing more that takes long, and reads no more. */
const MAX_LONG_STEPS_MS = 40;
const MAX_READING_MS = 200;

/** What has batches: what has conditions. */
type BatchStore = Exclude<Store, Queue>;

type Condition = Extract<StepParts, { condition: unknown }>['condition'];
type Step = Call | { readonly condition: Condition };

/** Thrown to undo what a batch has written before a condition failed. */
class Unmet extends Error {}

/**
 * The steps of a batch as one call: all or nothing. A condition that fails undoes the steps before it and is the result; a
 * step that throws undoes them too, and is the error. `admit` lets a single method in, or throws.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for what is no batch, and for a queue; what `admit` throws.
 */
export function admitBatch(
  store: Store,
  steps: unknown,
  admit: (method: string, args: readonly unknown[]) => Call,
): Call {
  if (store instanceof Queue) {
    throw new DiskCacheError('BAD_OPTION', 'A queue has no batch; enqueueMany adds many jobs, all or none');
  }
  if (!Array.isArray(steps)) throw new DiskCacheError('BAD_OPTION', 'A batch takes an array of steps');
  if (steps.length > MAX_ITEMS) {
    throw new DiskCacheError(
      'TOO_LARGE',
      `A batch has ${MAX_ITEMS} steps at most, not ${steps.length}; make several of it`,
    );
  }
  function admitStep(method: string, args: readonly unknown[], place: number): Call {
    try {
      return admit(method, args);
    } catch (error) {
      throw ofStep(place, error);
    }
  }
  let access: Access = 'read';
  const admitted = steps.map((given: unknown, place): Step => {
    const parts = partsOf(given, place);
    if ('condition' in parts) return parts;
    const step = admitStep(parts.method, parts.args, place);
    if (!covers(access, step.access)) access = step.access;
    return step;
  });
  return { access, run: (allowance) => runBatch(store, admitted, allowance) };
}

function runBatch(store: BatchStore, steps: readonly Step[], allowance: Allowance): BatchResult {
  const results: unknown[] = [];
  const startedAt = performance.now();
  const doAll = (): BatchResult => {
    let written = false;
    for (const step of steps) {
      if ('condition' in step) {
        allowance.deadline = startedAt + MAX_READING_MS;
        if (!holds(store, step.condition)) {
          if (written) throw new Unmet();
          return { committed: false, failed: results.length };
        }
        results.push(undefined);
      } else {
        allowance.deadline = startedAt + (step.isLong ? MAX_LONG_STEPS_MS : MAX_READING_MS);
        if (step.isLong && performance.now() > allowance.deadline) throw new OutOfTime();
        results.push(step.run(allowance));
        written ||= step.access !== 'read';
      }
    }
    return { committed: true, results };
  };
  try {
    return store.transact(doAll);
  } catch (error) {
    if (error instanceof Unmet) return { committed: false, failed: results.length };
    throw ofStep(results.length, error);
  }
}

function ofStep(place: number, error: unknown): unknown {
  if (!(error instanceof DiskCacheError)) return error;
  const message = `Step ${place} of a batch, of which nothing was done: ${error.message}`;
  return new DiskCacheError(error.code, message, { cause: error.cause });
}

function holds(store: BatchStore, condition: Condition): boolean {
  const found = itemAt(store, condition.key);
  if (Object.hasOwn(condition, 'equals')) return found !== undefined && isEqual(found.value, condition.equals);
  return Object.hasOwn(condition, 'exists') ? found !== undefined : found === undefined;
}

/** What the engine refuses as a key it refuses here, too. */
function itemAt(store: BatchStore, key: unknown): { readonly value: unknown } | undefined {
  if (!(store instanceof Deque)) return store.has(key as never) ? { value: store.get(key as never) } : undefined;
  if (!Number.isSafeInteger(key))
    throw new DiskCacheError('BAD_OPTION', 'The key of a condition on a deque is an index');
  const index = Number(key);
  return index < store.length && index >= -store.length ? { value: store.at(index) } : undefined;
}
