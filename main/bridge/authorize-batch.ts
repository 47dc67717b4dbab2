import { type BatchResult, type ParsedStep, parseStep } from '../../protocol/batch.ts';
import { type Access, covers } from '../../protocol/contract/signature.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import { Deque } from '../engine/index.ts';
import { isEqual, OutOfTime, type ReadBudget } from '../engine/internal.ts';
import { Queue } from '../queue/index.ts';
import type { BridgeStore } from './handlers.ts';
import type { Slices } from './slices.ts';

/** An authorized call: the access it needs, and how to run it. */
export interface AuthorizedCall {
  readonly access: Access;
  /** The call can't be part of a transaction. */
  readonly alone?: true | undefined;
  /** The call's time grows with the size of the store. */
  readonly isLong?: boolean | undefined;
  /** The call refuses to read more than this many bytes of a value that could be streamed. */
  readonly maxValueBytes?: number | undefined;
  /** Runs within the read budget. */
  run(budget: ReadBudget): unknown;
  /** Runs in slices, outside of a transaction. */
  openSlices?: ((budget: ReadBudget) => Slices) | undefined;
}

/** Maximum steps in a batch, and keys or values in a call. They are one transaction, which blocks the main process. */
export const MAX_ITEMS_PER_CALL = 10_000;

/** Milliseconds after which a batch starts no more long steps, and after which it stops reading. */
const MAX_LONG_STEPS_MS = 40;
const MAX_READ_MS = 200;

/** The stores that have batches: those whose items can be compared in conditions. */
type BatchStore = Exclude<BridgeStore, Queue>;

type Condition = Extract<ParsedStep, { condition: unknown }>['condition'];
type AuthorizedStep = AuthorizedCall | { readonly condition: Condition };

/** Thrown to roll back a batch's writes when a condition fails. */
class ConditionFailed extends Error {}

/**
 * Combines the steps of a batch into one call: all or nothing. A failed condition rolls back the steps before it and is the result; a step
 * that throws rolls them back too, and its error is thrown. `authorizeMethod` authorizes a single method, or throws.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for a malformed batch, and for a queue; anything that `authorizeMethod` throws.
 */
export function authorizeBatch(
  store: BridgeStore,
  steps: unknown,
  authorizeMethod: (method: string, args: readonly unknown[]) => AuthorizedCall,
): AuthorizedCall {
  if (store instanceof Queue) {
    throw new DiskCacheError('BAD_OPTION', 'A queue has no batch; enqueueMany adds many jobs, all or none');
  }
  if (!Array.isArray(steps)) throw new DiskCacheError('BAD_OPTION', 'A batch takes an array of steps');
  if (steps.length > MAX_ITEMS_PER_CALL) {
    throw new DiskCacheError(
      'TOO_LARGE',
      `A batch has at most ${MAX_ITEMS_PER_CALL} steps, not ${steps.length}; split it`,
    );
  }
  function authorizeStep(method: string, args: readonly unknown[], place: number): AuthorizedCall {
    try {
      return authorizeMethod(method, args);
    } catch (error) {
      throw toStepError(place, error);
    }
  }
  let access: Access = 'read';
  const authorized = steps.map((given: unknown, place): AuthorizedStep => {
    const parts = parseStep(given, place);
    if ('condition' in parts) return parts;
    const step = authorizeStep(parts.method, parts.args, place);
    if (!covers(access, step.access)) access = step.access;
    return step;
  });
  return { access, run: (budget) => runBatch(store, authorized, budget) };
}

function runBatch(store: BatchStore, steps: readonly AuthorizedStep[], budget: ReadBudget): BatchResult {
  const results: unknown[] = [];
  const startedAt = performance.now();
  const runSteps = (): BatchResult => {
    let written = false;
    for (const step of steps) {
      if ('condition' in step) {
        budget.deadline = startedAt + MAX_READ_MS;
        if (!isConditionMet(store, step.condition)) {
          if (written) throw new ConditionFailed();
          return { committed: false, failed: results.length };
        }
        results.push(undefined);
      } else {
        budget.deadline = startedAt + (step.isLong ? MAX_LONG_STEPS_MS : MAX_READ_MS);
        if (step.isLong && performance.now() > budget.deadline) throw new OutOfTime();
        results.push(step.run(budget));
        written ||= step.access !== 'read';
      }
    }
    return { committed: true, results };
  };
  try {
    return store.transact(runSteps);
  } catch (error) {
    if (error instanceof ConditionFailed) return { committed: false, failed: results.length };
    throw toStepError(results.length, error);
  }
}

function toStepError(index: number, error: unknown): unknown {
  if (!(error instanceof DiskCacheError)) return error;
  const message = `Step ${index} of a batch, which was rolled back: ${error.message}`;
  return new DiskCacheError(error.code, message, { cause: error.cause });
}

function isConditionMet(store: BatchStore, condition: Condition): boolean {
  const found = findItem(store, condition.key);
  if (Object.hasOwn(condition, 'equals')) return found !== undefined && isEqual(found.value, condition.equals);
  return Object.hasOwn(condition, 'exists') ? found !== undefined : found === undefined;
}

/** Returns the item of a key; throws for keys that the engine refuses. */
function findItem(store: BatchStore, key: unknown): { readonly value: unknown } | undefined {
  if (!(store instanceof Deque)) return store.has(key as never) ? { value: store.get(key as never) } : undefined;
  if (!Number.isSafeInteger(key))
    throw new DiskCacheError('BAD_OPTION', 'The key of a condition on a deque is an index');
  const index = Number(key);
  return index < store.length && index >= -store.length ? { value: store.at(index) } : undefined;
}
