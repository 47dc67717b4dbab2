import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect, isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';

/*
 * Compares Deque with Array and Index with Map: random operations on both must return the same; with transactions
 * that are rolled back, a second handle, and reopening.
 */

/** One operation on the store and on its model. */
export interface SequenceStep<Real, Plain> {
  readonly name: string;
  readonly args: readonly unknown[];
  readonly real: (it: Real) => unknown;
  readonly plain: (it: Plain) => unknown;
}

/** How a kind of store is opened, and its model copied, restored and compared. */
export interface SequenceModel<Real, Plain> {
  readonly open: (directory: string) => Real;
  readonly plain: () => Plain;
  readonly copy: (plain: Plain) => Plain;
  readonly same: (real: Real, plain: Plain) => boolean;
  readonly step: fc.Arbitrary<SequenceStep<Real, Plain>>;
}

interface Openable {
  transact<T>(work: () => T): T;
  check(): readonly unknown[];
  close(): void;
}

type SequenceMove<Real, Plain> =
  | { readonly is: 'step'; readonly step: SequenceStep<Real, Plain> }
  | { readonly is: 'transact'; readonly steps: readonly SequenceStep<Real, Plain>[]; readonly fails: boolean }
  | { readonly is: 'reopen' | 'switch' };

class Rollback extends Error {}

const inspectValue = (thing: unknown): string => inspect(thing, { depth: 6, breakLength: Number.POSITIVE_INFINITY });

function moves<Real, Plain>({ step }: SequenceModel<Real, Plain>): fc.Arbitrary<SequenceMove<Real, Plain>> {
  return fc.oneof(
    { weight: 16, arbitrary: step.map((it) => ({ is: 'step', step: it }) as const) },
    {
      weight: 3,
      arbitrary: fc.record({
        is: fc.constant('transact' as const),
        steps: fc.array(step, { maxLength: 6 }),
        fails: fc.boolean(),
      }),
    },
    { weight: 1, arbitrary: fc.constantFrom({ is: 'reopen' } as const, { is: 'switch' } as const) },
  );
}

/** Takes random walks. Returns the number of compared operations. */
export async function sequenceWalks<Real extends Openable, Plain>(
  kind: SequenceModel<Real, Plain>,
  { walks, length, seed }: { readonly walks: number; readonly length: number; readonly seed?: number },
): Promise<number> {
  let operations = 0;
  const property = fc.asyncProperty(fc.array(moves(kind), { maxLength: length, size: 'max' }), async (taken) => {
    const directory = mkdtempSync(join(tmpdir(), 'deskcache-model-'));
    let handles = [kind.open(directory), kind.open(directory)] as [Real, Real];
    let plain = kind.plain();
    const compare = ({ name, args, real, plain: ideal }: SequenceStep<Real, Plain>) => {
      operations++;
      const [expected, actual] = [ideal(plain), real(handles[0])];
      if (isDeepStrictEqual(actual, expected)) return;
      throw new Error(
        `${name}(${inspectValue(args)}) should answer ${inspectValue(expected)} and answered ${inspectValue(actual)}`,
      );
    };
    try {
      for (const move of taken) {
        if (move.is === 'step') compare(move.step);
        else if (move.is === 'transact') {
          const before = kind.copy(plain);
          try {
            handles[0].transact(() => {
              for (const step of move.steps) compare(step);
              if (move.fails) throw new Rollback();
            });
          } catch (error) {
            if (!(error instanceof Rollback)) throw error;
            plain = before;
          }
        } else if (move.is === 'reopen') {
          for (const handle of handles) handle.close();
          handles = [kind.open(directory), kind.open(directory)];
        } else {
          // Writes of other handles are visible from the next turn on.
          await Promise.resolve();
          handles = [handles[1], handles[0]];
        }
        if (!kind.same(handles[0], plain))
          throw new Error(`after ${inspectValue(move)} it is not ${inspectValue(plain)}`);
      }
      await Promise.resolve();
      if (!kind.same(handles[1], plain)) throw new Error(`the other handle does not see ${inspectValue(plain)}`);
      const findings = handles[0].check();
      if (findings.length > 0) throw new Error(`check finds ${inspectValue(findings)}`);
    } finally {
      for (const handle of handles) handle.close();
      rmSync(directory, { recursive: true, force: true });
    }
  });
  await fc.assert(property, { numRuns: walks, ...(seed !== undefined && { seed }) });
  return operations;
}

/** Values that are often equal. */
const LARGE = 'x'.repeat(200);
export const value = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 9 }) },
  { weight: 1, arbitrary: fc.constantFrom<unknown>(undefined, null, Number.NaN, -0, 'text', LARGE, 10n) },
  { weight: 1, arbitrary: fc.record({ a: fc.integer({ min: 0, max: 2 }) }, { noNullPrototype: true }) },
);

/** Returns a step made of two functions, for given arguments. */
export const createStep =
  <Real, Plain>(
    name: string,
    real: (it: Real, ...args: never[]) => unknown,
    plain: (it: Plain, ...args: never[]) => unknown,
  ) =>
  (args: readonly unknown[]): SequenceStep<Real, Plain> => ({
    name,
    args,
    real: (it) => real(it, ...(args as never[])),
    plain: (it) => plain(it, ...(args as never[])),
  });
