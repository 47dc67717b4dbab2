import { accessOf, type Signature } from '../../protocol/contract/signature.ts';
import { type Kind, signatureOf } from '../../protocol/contract.ts';
import { DiskCacheError, toErrorData } from '../../protocol/error.ts';
import { weightOf } from '../../protocol/weight.ts';
import { type Failure, MAX_ANSWER, type Operation, type Results } from '../../protocol/wire.ts';
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

/** What becomes of the operations of a turn. A failure holds, whatever value there was before it. */
class Outcomes implements Results {
  readonly values: unknown[];
  readonly failures: Failure[] = [];
  #weight = 0;

  constructor(operations: number) {
    this.values = new Array(operations).fill(undefined);
  }

  run(place: number, call: Call): void {
    try {
      const value = call.run();
      const weight = weightOf(value);
      // What a write gives can't be refused after it was done.
      if (this.#weight + weight > MAX_ANSWER && call.access === 'read') throw tooMuch();
      this.#weight += weight;
      this.values[place] = value;
    } catch (error) {
      this.fail([place], error);
    }
  }

  fail(places: readonly number[], error: unknown): void {
    const data = toErrorData(error);
    for (const place of places) {
      this.values[place] = undefined;
      this.failures.push([place, data]);
    }
  }
}

const tooMuch = () =>
  new DiskCacheError(
    'TOO_LARGE',
    `What was asked for in one turn is more than ${MAX_ANSWER} bytes; read less at a time, or a large value as a stream`,
  );

/**
 * Runs one turn's operations. Those on one store run in their order, and as one transaction when any of them writes; an
 * operation that fails undoes only itself. What can't be part of a transaction (`check`, `configure`) parts it in two.
 *
 * Invariant: each operation has its value or a failure; never throws.
 */
export function runOperations(operations: readonly unknown[], permit: Permit, findStore: FindStore): Results {
  const outcomes = new Outcomes(operations.length);
  for (const [name, places] of byStore(operations)) {
    try {
      runOnStore(open(name, permit, findStore), places, operations, outcomes);
    } catch (error) {
      outcomes.fail(places, error);
    }
  }
  return outcomes;
}

function byStore(operations: readonly unknown[]): Map<unknown, number[]> {
  const places = new Map<unknown, number[]>();
  for (let place = 0; place < operations.length; place++) {
    const operation = operations[place];
    const store: unknown = Array.isArray(operation) ? operation[0] : undefined;
    const there = places.get(store);
    if (there) there.push(place);
    else places.set(store, [place]);
  }
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
  outcomes: Outcomes,
): void {
  let together: Call[] = [];
  let theirs: number[] = [];
  for (const place of places) {
    try {
      const call = admit(opened, operations[place] as Operation);
      if (call.alone !== true) {
        together.push(call);
        theirs.push(place);
      } else {
        runTogether(opened.store, together, theirs, outcomes);
        together = [];
        theirs = [];
        outcomes.run(place, call);
      }
    } catch (error) {
      outcomes.fail([place], error);
    }
  }
  runTogether(opened.store, together, theirs, outcomes);
}

function admit(opened: Opened, operation: Operation): Call {
  const method: unknown = operation[1];
  const args = operation.slice(2);
  if (method !== 'batch') return admitMethod(opened, method, args);
  return admitBatch(opened.store, args[0], (step, given) => admitMethod(opened, step, given));
}

function admitMethod({ name, store, kind, permit }: Opened, method: unknown, args: readonly unknown[]): Call {
  const signature = signatureOf(kind, method);
  if (signature === undefined || !fits(signature, args)) {
    const called = typeof method === 'string' ? `"${method.slice(0, 64)}"` : `(${typeof method})`;
    throw new DiskCacheError('NOT_ALLOWED', `No such operation: ${called} on the ${kind} "${name}"`);
  }
  const access = accessOf(signature, args);
  permit.demand(name, access);
  if (access !== 'read') permit.charge(args);
  const verb = VERBS[kind][method as string]!;
  return { access, alone: signature.alone, run: () => verb(store, ...args) };
}

/** So many values may be given to a method that takes any number. */
const MAX_VALUES = 10_000;

const fits = ({ takes }: Signature, args: readonly unknown[]): boolean =>
  args.length <= (takes.at(-1) === '...value' ? MAX_VALUES : takes.length);

function runTogether(store: Store, calls: readonly Call[], places: readonly number[], outcomes: Outcomes): void {
  const run = () => {
    for (let nth = 0; nth < calls.length; nth++) outcomes.run(places[nth]!, calls[nth]!);
  };
  try {
    // A verb alone is a transaction of its own, and a cheaper one.
    if (calls.length > 1 && calls.some(({ access }) => access !== 'read')) store.transact(run);
    else run();
  } catch (error) {
    outcomes.fail(places, error);
  }
}
