import { ACCESS, type Contract, isMethod, type Method } from '../../protocol/contract.ts';
import { DiskCacheError, toErrorData } from '../../protocol/error.ts';
import { failed, type Outcome } from '../../protocol/outcome.ts';
import type { Operation } from '../../protocol/wire.ts';
import type { Cache } from '../engine/index.ts';
import { demand, type Grant } from './grant.ts';

/** Where the bridge finds an open store by its name; throws `NO_SUCH_STORE`. */
export type FindStore = (name: string) => Cache;

type Verbs = { readonly [M in Method]: (cache: Cache, ...args: Parameters<Contract[M]>) => ReturnType<Contract[M]> };

const VERBS: Verbs = {
  get: (cache, key) => cache.get(key),
  getEntry: (cache, key) => cache.getEntry(key),
  getMany: (cache, keys) => cache.getMany(keys),
  has: (cache, key) => cache.has(key),
  peek: (cache, options) => cache.peek(options),
  peekItem: (cache, options) => cache.peekItem(options),
  page: (cache, of, range, after) => cache.page(of, range, after),
  size: (cache) => cache.size,
  volume: (cache) => cache.volume(),
  stats: (cache) => cache.stats(),
  set: (cache, key, value, options) => cache.set(key, value, options),
  setMany: (cache, entries, options) => cache.setMany(entries, options),
  add: (cache, key, value, options) => cache.add(key, value, options),
  touch: (cache, key, options) => cache.touch(key, options),
  incr: (cache, key, delta, options) => cache.incr(key, delta, options),
  decr: (cache, key, delta, options) => cache.decr(key, delta, options),
  delete: (cache, key) => cache.delete(key),
  deleteMany: (cache, keys) => cache.deleteMany(keys),
  pop: (cache, key) => cache.pop(key),
  push: (cache, value, options) => cache.push(value, options),
  pull: (cache, options) => cache.pull(options),
  expire: (cache) => cache.expire(),
  evict: (cache, tag) => cache.evict(tag),
  cull: (cache) => cache.cull(),
  clear: (cache) => cache.clear(),
};

interface Numbered {
  readonly index: number;
  readonly operation: Operation;
}

/**
 * Runs one turn's operations. Those on one store run in their order, and as one transaction when any of them writes; an
 * operation that fails undoes only itself.
 *
 * Invariant: one outcome per operation, at its index; never throws.
 */
export function runOperations(operations: readonly unknown[], grant: Grant, findStore: FindStore): readonly Outcome[] {
  const outcomes = new Array<Outcome>(operations.length);
  for (const [store, group] of byStore(operations, grant, outcomes)) {
    try {
      runOnStore(findStore(store), group, outcomes);
    } catch (error) {
      const data = toErrorData(error);
      for (const { index } of group) outcomes[index] = failed(data);
    }
  }
  return outcomes;
}

/** No method of the contract takes more. */
const MAX_ARGS = 3;

function byStore(operations: readonly unknown[], grant: Grant, outcomes: Outcome[]): Map<string, Numbered[]> {
  const groups = new Map<string, Numbered[]>();
  operations.forEach((candidate, index) => {
    try {
      const operation = admit(candidate, grant);
      const group = groups.get(operation.store);
      if (group) group.push({ index, operation });
      else groups.set(operation.store, [{ index, operation }]);
    } catch (error) {
      outcomes[index] = failed(toErrorData(error));
    }
  });
  return groups;
}

function admit(candidate: unknown, grant: Grant): Operation {
  const { store, method, args } = (candidate ?? {}) as Partial<Record<keyof Operation, unknown>>;
  if (typeof store !== 'string' || !isMethod(method) || !Array.isArray(args) || args.length > MAX_ARGS) {
    throw new DiskCacheError('NOT_ALLOWED', `No such operation: ${name(method)} on store ${name(store)}`);
  }
  demand(grant, store, method);
  return { store, method, args };
}

function runOnStore(cache: Cache, group: readonly Numbered[], outcomes: Outcome[]): void {
  const run = () => {
    for (const { index, operation } of group) outcomes[index] = outcomeOf(cache, operation);
  };
  // A verb alone is a transaction of its own, and a cheaper one.
  if (group.length > 1 && group.some(({ operation }) => ACCESS[operation.method] !== 'read')) cache.transact(run);
  else run();
}

function outcomeOf(cache: Cache, { method, args }: Operation): Outcome {
  try {
    // The engine checks every argument itself, so what came over the wire may be handed to it as it is.
    const verb = VERBS[method] as (cache: Cache, ...args: readonly unknown[]) => unknown;
    return { value: verb(cache, ...args) };
  } catch (error) {
    return failed(toErrorData(error));
  }
}

const name = (value: unknown): string => (typeof value === 'string' ? `"${value.slice(0, 64)}"` : `(${typeof value})`);
