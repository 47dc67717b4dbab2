import { DiskCacheError } from './error.ts';

/**
 * A condition that must hold for a batch to commit. `equals` is deep equality: an item with another value and a missing item are both
 * unequal. In a deque, `key` is an index.
 */
type BatchCondition<K, V> =
  | { readonly key: K; readonly equals: V }
  | { readonly key: K; readonly exists: true }
  | { readonly key: K; readonly absent: true };

/** Methods that can't be a step because they can't run in a transaction or are useless in one. */
type NotInBatch = 'check' | 'configure' | 'page';

/** One step: a condition, or a method of the store with its arguments: `{ set: ['key', 1, { ttl: 1000 }] }`. */
export type BatchStep<Contract, K, V> =
  | { readonly if: BatchCondition<K, V> }
  | {
      readonly [M in Exclude<keyof Contract, NotInBatch>]: Contract[M] extends (...args: infer A) => unknown
        ? { readonly [N in M]: Readonly<A> }
        : never;
    }[Exclude<keyof Contract, NotInBatch>];

/** The result of a batch: one result for each step (`undefined` for a condition), or the index of the condition that failed. */
export type BatchResult =
  | { readonly committed: true; readonly results: readonly unknown[] }
  | { readonly committed: false; readonly failed: number };

/** A validated step, split into its parts. */
export type ParsedStep =
  | { readonly condition: Readonly<Record<'key' | 'equals' | 'exists' | 'absent', unknown>> }
  | { readonly method: string; readonly args: readonly unknown[] };

/**
 * Parses one step of a batch.
 *
 * @throws {DiskCacheError} `BAD_OPTION` if it isn't a valid step.
 */
export function parseStep(step: unknown, place: number): ParsedStep {
  const names = typeof step === 'object' && step !== null ? Object.keys(step) : [];
  const [name] = names;
  if (name === undefined || names.length > 1) {
    const store = names.includes('store') ? '. A batch belongs to one store; call batch on that store' : '';
    throw badStep(place, `has to be { if: condition } or { method: [arguments] }${store}`);
  }
  const given = (step as Record<string, unknown>)[name];
  if (name === 'if') return { condition: parseCondition(given, place) };
  if (METHODS_NOT_IN_BATCH.has(name)) throw badStep(place, `is "${name}", which can't be part of a batch`);
  if (!Array.isArray(given)) throw badStep(place, `has to give the arguments of "${name.slice(0, 64)}" as an array`);
  return { method: name, args: given };
}

const METHODS_NOT_IN_BATCH: ReadonlySet<string> = new Set(['check', 'configure', 'page', 'batch'] satisfies (
  | NotInBatch
  | 'batch'
)[]);
const CONDITION_TESTS = ['equals', 'exists', 'absent'] as const;

function parseCondition(condition: unknown, place: number) {
  const given = Object(condition) as Record<'key' | (typeof CONDITION_TESTS)[number], unknown>;
  const tests = CONDITION_TESTS.filter((name) => Object.hasOwn(given, name));
  const [test] = tests;
  const isOne = tests.length === 1 && Object.hasOwn(given, 'key') && Object.keys(given).length === 2;
  if (isOne && (test === 'equals' || given[test as 'exists'] === true)) return given;
  throw badStep(place, 'is a condition: give a key and one of equals: value, exists: true, absent: true');
}

const badStep = (place: number, why: string) => new DiskCacheError('BAD_OPTION', `Step ${place} of a batch ${why}`);
