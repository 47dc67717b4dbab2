import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import fc from 'fast-check';

export interface WalkCounts {
  readonly walks: number;
  /** Maximum steps of a walk; the average is half of that. */
  readonly moves: number;
  /** Left out: changes with each read. */
  readonly seed?: number;
}

/** Milliseconds for walking and shrinking; the test's timeout must be longer. */
export const WALK_TIMEOUT_MS = 20_000;

/**
 * Takes random walks, each in a directory of its own. A failing walk is shrunk and thrown with its seed and path:
 * `MODEL_SEED=… MODEL_PATH=… npx vitest run test/model -t '<name of the test>'` repeats it.
 */
export async function runRandomWalks<Move>(
  move: fc.Arbitrary<Move>,
  walk: (moves: readonly Move[], directory: string) => Promise<void>,
  { walks, moves, seed }: WalkCounts,
): Promise<void> {
  const { MODEL_SEED, MODEL_PATH } = process.env;
  const property = fc.asyncProperty(fc.array(move, { maxLength: moves, size: 'max' }), async (steps) => {
    const directory = mkdtempSync(join(tmpdir(), 'deskcache-model-'));
    try {
      await walk(steps, directory);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
  const chosen = MODEL_SEED === undefined ? seed : Number(MODEL_SEED);
  const found = await fc.check(property, {
    numRuns: walks,
    // Shrinking ends with the shortest failing walk found so far.
    interruptAfterTimeLimit: WALK_TIMEOUT_MS,
    ...(chosen !== undefined && { seed: chosen }),
    ...(MODEL_PATH !== undefined && { path: MODEL_PATH }),
  });
  if (found.counterexample === null) return;
  const replay = `MODEL_SEED=${found.seed} MODEL_PATH=${found.counterexamplePath}`;
  const steps = found.counterexample[0].map(inspectValue).join('\n');
  throw new Error(`a random walk went wrong: ${replay}\n${steps}\n${found.errorInstance}`, {
    cause: found.errorInstance,
  });
}

/** Formats a value on one line. */
export const inspectValue = (thing: unknown): string =>
  inspect(thing, {
    depth: 12,
    compact: true,
    breakLength: Number.POSITIVE_INFINITY,
    maxArrayLength: 24,
    maxStringLength: 40,
  });
