/**
 * Does every counted operation in an empty directory, the first argument. With `memory` as the second it prints a line of JSON for each:
 * statements, messages and bytes of the heap for one operation; it needs `--expose-gc` and a young generation that holds all that one
 * run allocates. With `calls` it prints lines before and after each run, so that the shim's log tells what was written in between.
 */
import { writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { COUNTED_STORES, type CountedOperation, openTarget, type Target } from './operations.ts';
import { BEGIN, END, type MemoryCounts } from './read-counts.ts';

/** Runs that let the compiler settle. */
const WARM_UPS = 6;
/** The least of several runs counts: in the others the compiler may not be done yet, or a timer may have come between. */
const MEASURED_RUNS = 15;
const COUNTED_RUNS = 3;

const Database = createRequire(import.meta.url)('better-sqlite3') as new (
  path: string,
) => { prepare(sql: string): object; close(): void };
const STATEMENT_METHODS = ['run', 'get', 'all', 'iterate'] as const;

/** Counts the statements that all databases of this process run while `work` does its work. */
async function countStatements(work: () => unknown): Promise<number> {
  const database = new Database(':memory:');
  const statement = Object.getPrototypeOf(database.prepare('SELECT 1')) as Record<
    string,
    (...args: unknown[]) => unknown
  >;
  const connection = Object.getPrototypeOf(database) as typeof statement;
  database.close();
  let count = 0;
  const methods = [...STATEMENT_METHODS.map((name) => [statement, name] as const), [connection, 'exec'] as const];
  const originals = methods.map(([object, name]) => {
    const original = object[name]!;
    object[name] = function (...args) {
      count++;
      return original.apply(this, args);
    };
    return original;
  });
  try {
    await work();
  } finally {
    for (const [nth, [object, name]] of methods.entries()) object[name] = originals[nth]!;
  }
  return count;
}

async function measureHeapBytes(work: () => unknown): Promise<number> {
  globalThis.gc!({ type: 'minor' });
  const before = process.memoryUsage().heapUsed;
  const done = work();
  if (done instanceof Promise) await done;
  return process.memoryUsage().heapUsed - before;
}

/** Runs an operation with new keys or values each time, and brings back what that used up. */
class Runner {
  readonly #operation: CountedOperation;
  readonly #target: Target;
  #round = 0;

  constructor(operation: CountedOperation, target: Target) {
    this.#operation = operation;
    this.#target = target;
  }

  async run<Result>(measure: (work: () => unknown) => Promise<Result>): Promise<Result> {
    this.#round++;
    const result = await measure(() => this.#operation.run(this.#target, this.#round));
    this.#operation.restore?.(this.#target);
    return result;
  }
}

async function countMemory(operation: CountedOperation, target: Target): Promise<void> {
  const { name, count } = operation;
  const runner = new Runner(operation, target);
  for (let time = 0; time < WARM_UPS; time++) await runner.run(async (work) => await work());
  const heapBytes: number[] = [];
  for (let time = 0; time < MEASURED_RUNS; time++) heapBytes.push(await runner.run(measureHeapBytes));
  const statements: number[] = [];
  const messages: number[] = [];
  for (let time = 0; time < COUNTED_RUNS; time++) {
    const messagesBefore = target.messages.count;
    statements.push(await runner.run(countStatements));
    messages.push(target.messages.count - messagesBefore);
  }
  const counts: MemoryCounts = {
    name,
    statements: Math.min(...statements) / count,
    messages: Math.min(...messages) / count,
    heapBytes: Math.min(...heapBytes) / count,
  };
  writeSync(1, `${JSON.stringify(counts)}\n`);
}

async function markCalls(operation: CountedOperation, target: Target): Promise<void> {
  const runner = new Runner(operation, target);
  await runner.run(async (work) => await work());
  for (let time = 0; time < COUNTED_RUNS; time++) {
    await runner.run(async (work) => {
      writeSync(1, `${BEGIN}${operation.name}\n`);
      await work();
      writeSync(1, `${END}${operation.name}\n`);
    });
  }
}

const [root = '', what] = process.argv.slice(2);
for (const [nth, { options, operations }] of COUNTED_STORES.entries()) {
  const target = openTarget(join(root, String(nth)), options);
  for (const operation of operations) await (what === 'calls' ? markCalls : countMemory)(operation, target);
  target.close();
}
process.exit(0);
