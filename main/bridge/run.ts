import type { Access, Signature } from '../../protocol/contract/signature.ts';
import { type Kind, signatureOf } from '../../protocol/contract.ts';
import { DiskCacheError, toErrorData } from '../../protocol/error.ts';
import { failed, type Outcome } from '../../protocol/outcome.ts';
import type { Operation } from '../../protocol/wire.ts';
import { demand, type Grant } from './grant.ts';
import { kindOf, type Store, VERBS } from './verbs.ts';

/** Where the bridge finds an open store by its name; throws `NO_SUCH_STORE`. */
export type FindStore = (name: string) => Store;

/** An operation that was let in. */
interface Admitted {
  readonly place: number;
  readonly access: Access;
  readonly alone: boolean;
  run(): unknown;
}

/**
 * Runs one turn's operations. Those on one store run in their order, and as one transaction when any of them writes; an
 * operation that fails undoes only itself. What can't be part of a transaction (`check`, `configure`) parts it in two.
 *
 * Invariant: one outcome per operation, at its index; never throws.
 */
export function runOperations(operations: readonly unknown[], grant: Grant, findStore: FindStore): readonly Outcome[] {
  const outcomes = new Array<Outcome>(operations.length);
  for (const [name, places] of byStore(operations)) {
    try {
      runOnStore(name, places, operations, grant, findStore, outcomes);
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

function runOnStore(
  name: unknown,
  places: readonly number[],
  operations: readonly unknown[],
  grant: Grant,
  findStore: FindStore,
  outcomes: Outcome[],
): void {
  if (typeof name !== 'string') throw new DiskCacheError('NOT_ALLOWED', 'An operation has to name its store');
  // Who was granted nothing isn't even told whether there is such a store.
  demand(grant, name, 'read');
  const store = findStore(name);
  const kind = kindOf(store);
  let together: Admitted[] = [];
  for (const place of places) {
    try {
      const admitted = admit(place, operations[place] as Operation, grant, store, kind);
      if (admitted.alone) {
        runTogether(store, together, outcomes);
        together = [];
        outcomes[place] = outcomeOf(admitted);
      } else together.push(admitted);
    } catch (error) {
      outcomes[place] = failed(toErrorData(error));
    }
  }
  runTogether(store, together, outcomes);
}

function admit(place: number, operation: Operation, grant: Grant, store: Store, kind: Kind): Admitted {
  const { method, args } = operation as Partial<Record<keyof Operation, unknown>>;
  const signature = signatureOf(kind, method);
  if (signature === undefined || !Array.isArray(args) || !fits(signature, args)) {
    throw new DiskCacheError('NOT_ALLOWED', `No such operation: ${shown(method)} on the ${kind} "${operation.store}"`);
  }
  const access = accessOf(signature, args);
  demand(grant, operation.store, access);
  const verb = VERBS[kind][method as string]!;
  return { place, access, alone: signature.alone === true, run: () => verb(store, ...args) };
}

/** So many values may be given to a method that takes any number. */
const MAX_VALUES = 10_000;

const fits = ({ takes }: Signature, args: readonly unknown[]): boolean =>
  args.length <= (takes.at(-1) === '...value' ? MAX_VALUES : takes.length);

const accessOf = ({ access }: Signature, args: readonly unknown[]): Access =>
  typeof access === 'function' ? access(args) : access;

function runTogether(store: Store, group: readonly Admitted[], outcomes: Outcome[]): void {
  const run = () => {
    for (const admitted of group) outcomes[admitted.place] = outcomeOf(admitted);
  };
  try {
    // A verb alone is a transaction of its own, and a cheaper one.
    if (group.length > 1 && group.some(({ access }) => access !== 'read')) store.transact(run);
    else run();
  } catch (error) {
    failAll(
      Array.from(group, ({ place }) => place),
      error,
      outcomes,
    );
  }
}

function failAll(places: readonly number[], error: unknown, outcomes: Outcome[]): void {
  const data = toErrorData(error);
  for (const place of places) outcomes[place] = failed(data);
}

function outcomeOf({ run }: Admitted): Outcome {
  try {
    return { value: run() };
  } catch (error) {
    return failed(toErrorData(error));
  }
}

const shown = (method: unknown): string =>
  typeof method === 'string' ? `"${method.slice(0, 64)}"` : `(${typeof method})`;
