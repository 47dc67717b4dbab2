import type { Signature } from '../../protocol/contract/signature.ts';
import { type Kind, signatureOf } from '../../protocol/contract.ts';
import { DiskCacheError, toErrorData } from '../../protocol/error.ts';
import { failed, type Outcome } from '../../protocol/outcome.ts';
import type { Operation } from '../../protocol/wire.ts';
import { admitBatch, type Call } from './batch.ts';
import type { Permit } from './permit.ts';
import { kindOf, type Store, VERBS } from './verbs.ts';

/** Where the bridge finds an open store by its name; throws `NO_SUCH_STORE`. */
export type FindStore = (name: string) => Store;

/** A store as one page may use it. */
interface Opened {
  readonly name: string;
  readonly store: Store;
  readonly kind: Kind;
  readonly permit: Permit;
}

/** An operation that was let in, with the place of its outcome. */
interface Placed {
  readonly place: number;
  readonly call: Call;
}

/**
 * Runs one turn's operations. Those on one store run in their order, and as one transaction when any of them writes; an
 * operation that fails undoes only itself. What can't be part of a transaction (`check`, `configure`) parts it in two.
 *
 * Invariant: one outcome per operation, at its index; never throws.
 */
export function runOperations(
  operations: readonly unknown[],
  permit: Permit,
  findStore: FindStore,
): readonly Outcome[] {
  const outcomes = new Array<Outcome>(operations.length);
  for (const [name, places] of byStore(operations)) {
    try {
      runOnStore(open(name, permit, findStore), places, operations, outcomes);
    } catch (error) {
      failAll(places, error, outcomes);
    }
  }
  return outcomes;
}

function byStore(operations: readonly unknown[]): Map<unknown, number[]> {
  const places = new Map<unknown, number[]>();
  operations.forEach((operation, place) => {
    const store: unknown = Object(operation)['store'];
    const there = places.get(store);
    if (there) there.push(place);
    else places.set(store, [place]);
  });
  return places;
}

function open(name: unknown, permit: Permit, findStore: FindStore): Opened {
  if (typeof name !== 'string') throw new DiskCacheError('NOT_ALLOWED', 'An operation has to name its store');
  // Who was granted nothing isn't even told whether there is such a store.
  permit.demand(name, 'read');
  const store = findStore(name);
  return { name, store, kind: kindOf(store), permit };
}

function runOnStore(
  opened: Opened,
  places: readonly number[],
  operations: readonly unknown[],
  outcomes: Outcome[],
): void {
  let together: Placed[] = [];
  for (const place of places) {
    try {
      const call = admit(opened, operations[place] as Operation);
      if (call.alone !== true) together.push({ place, call });
      else {
        runTogether(opened.store, together, outcomes);
        together = [];
        outcomes[place] = outcomeOf(call);
      }
    } catch (error) {
      outcomes[place] = failed(toErrorData(error));
    }
  }
  runTogether(opened.store, together, outcomes);
}

function admit(opened: Opened, operation: Operation): Call {
  const { method, args } = operation as Readonly<Record<keyof Operation, unknown>>;
  if (method !== 'batch' || !Array.isArray(args)) return admitMethod(opened, method, args);
  return admitBatch(opened.store, args[0], (step, given) => admitMethod(opened, step, given));
}

function admitMethod({ name, store, kind, permit }: Opened, method: unknown, args: unknown): Call {
  const signature = signatureOf(kind, method);
  if (signature === undefined || !Array.isArray(args) || !fits(signature, args)) {
    const called = typeof method === 'string' ? `"${method.slice(0, 64)}"` : `(${typeof method})`;
    throw new DiskCacheError('NOT_ALLOWED', `No such operation: ${called} on the ${kind} "${name}"`);
  }
  const access = typeof signature.access === 'function' ? signature.access(args) : signature.access;
  permit.demand(name, access);
  if (access !== 'read') permit.charge(args);
  const verb = VERBS[kind][method as string]!;
  return { access, alone: signature.alone, run: () => verb(store, ...args) };
}

/** So many values may be given to a method that takes any number. */
const MAX_VALUES = 10_000;

const fits = ({ takes }: Signature, args: readonly unknown[]): boolean =>
  args.length <= (takes.at(-1) === '...value' ? MAX_VALUES : takes.length);

function runTogether(store: Store, group: readonly Placed[], outcomes: Outcome[]): void {
  const run = () => {
    for (const { place, call } of group) outcomes[place] = outcomeOf(call);
  };
  try {
    // A verb alone is a transaction of its own, and a cheaper one.
    if (group.length > 1 && group.some(({ call }) => call.access !== 'read')) store.transact(run);
    else run();
  } catch (error) {
    failAll(
      group.map(({ place }) => place),
      error,
      outcomes,
    );
  }
}

function outcomeOf({ run }: Call): Outcome {
  try {
    return { value: run() };
  } catch (error) {
    return failed(toErrorData(error));
  }
}

function failAll(places: readonly number[], error: unknown, outcomes: Outcome[]): void {
  const data = toErrorData(error);
  for (const place of places) outcomes[place] = failed(data);
}
