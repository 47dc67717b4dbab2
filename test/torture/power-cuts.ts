import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getShardIndex } from '../../main/engine/fanout/open-fanout.ts';
import { createRandom } from '../crash/random-writes.ts';
import { SimulatedDisk } from './disk.ts';
import {
  DAMAGED,
  type Durability,
  describeStore,
  ExpectedState,
  SHARDS,
  STORE_NAMES,
  STORES_UNDER_TEST,
  type StoreName,
} from './random-steps.ts';
import { getShimFault, getShimPath, type Operation, readLog } from './shim.ts';
import type { TortureReport, TortureSuite } from './suite.ts';

const STEPS_PER_RECORDING = 60;
const CUTS_PER_RECORDING = 100;

interface Recording {
  readonly name: StoreName;
  readonly durability: Durability;
  readonly seed: number;
  readonly root: string;
  readonly operations: readonly Operation[];
}

/** Lets a process take its steps and writes down what it did to the disk. */
function record(name: StoreName, durability: Durability, seed: number): Recording {
  const folder = mkdtempSync(join(tmpdir(), 'deskcache-cuts-'));
  const root = join(folder, 'store');
  const log = join(folder, 'log');
  const worker = join(import.meta.dirname, 'worker.ts');
  const { status, stderr } = spawnSync(
    process.execPath,
    [worker, name, root, durability, `${seed}`, '0', `${STEPS_PER_RECORDING}`],
    {
      encoding: 'utf8',
      env: { ...process.env, LD_PRELOAD: getShimPath(), TORTURE_DIR: root, TORTURE_LOG: log, UV_USE_IO_URING: '0' },
    },
  );
  try {
    if (status !== 0) throw new Error(`the process that was recorded failed: ${stderr}`);
    return { name, durability, seed, root, operations: readLog(log) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What a store holds after each number of steps, from none. */
function expectedStates({ name, seed }: Recording): (readonly string[])[] {
  const expected = new ExpectedState(name, seed);
  const states = [expected.show()];
  while (expected.steps < STEPS_PER_RECORDING) {
    expected.advance();
    states.push(expected.show());
  }
  return states;
}

/**
 * Cuts the power at a random moment and checks the result. With 'power' every acknowledged write is there. With 'process' every write is
 * there that was acknowledged before the kernel last flushed everything, as it does every half minute; a newer value may be damaged, and
 * is then reported as damaged.
 */
function cutPower(recording: Recording, states: readonly (readonly string[])[], number: number): string | undefined {
  const { name, durability, seed, root, operations } = recording;
  const random = createRandom(Math.imul(seed, 65_537) + number);
  const moment = Math.floor(random() * (operations.length + 1));
  const settled = durability === 'process' ? Math.floor(random() * moment) : -1;
  const disk = new SimulatedDisk(root);
  let acknowledged = 0;
  let lasting = 0;
  for (const [at, operation] of operations.slice(0, moment).entries()) {
    disk.apply(operation);
    if (operation.kind === 'said') acknowledged++;
    if (at !== settled) continue;
    disk.settle();
    lasting = acknowledged;
  }
  if (durability === 'power') lasting = acknowledged;
  const luck = [0, 0.5, 1, random()][number % 4]!;
  const directory = mkdtempSync(join(tmpdir(), 'deskcache-cut-'));
  try {
    disk.cut(join(directory, 'store'), random, luck);
    const there = readAfterCut(name, durability, join(directory, 'store'));
    const settledLines = new Set(durability === 'process' ? states[lasting] : []);
    const mayBe = (state: readonly string[], found: readonly string[]) =>
      state.length === found.length &&
      state.every(
        (line, n) =>
          line === found[n] || (durability === 'process' && isDamagedOf(found[n]!, line) && !settledLines.has(line)),
      );
    const possible = states.slice(lasting, acknowledged + 2);
    // With 'process' each shard has a log of its own, which a cut may take back to a moment of its own.
    const isPossible =
      name === 'fanout' && durability === 'process'
        ? Array.from({ length: SHARDS }, (_, shard) => inShard(shard)).every((mine) =>
            possible.some((state) => mayBe(state.filter(mine), there.filter(mine))),
          )
        : possible.some((state) => mayBe(state, there));
    if (isPossible) return undefined;
    return `is not a state after ${lasting} to ${acknowledged + 1} steps: ${differences(there, states[acknowledged]!)}`;
  } catch (error) {
    return String(error);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Whether a line is about an item that lives in a shard. */
const inShard =
  (shard: number) =>
  (line: string): boolean =>
    getShardIndex(JSON.parse(line.slice(0, line.lastIndexOf(': '))), SHARDS) === shard;

/** Whether a line tells that the value of the other is damaged. */
const isDamagedOf = (found: string, line: string): boolean =>
  found.endsWith(`: ${DAMAGED}`) && line.startsWith(found.slice(0, -DAMAGED.length));

function readAfterCut(name: StoreName, durability: Durability, directory: string): readonly string[] {
  const store = STORES_UNDER_TEST[name].open(directory, durability);
  try {
    return describeStore(name, store);
  } finally {
    store.close();
  }
}

function differences(found: readonly string[], expected: readonly string[]): string {
  const surplus = found.filter((line) => !expected.includes(line));
  const missing = expected.filter((line) => !found.includes(line));
  return `there ${JSON.stringify(surplus.slice(0, 3))}, not there ${JSON.stringify(missing.slice(0, 3))}`;
}

async function run(count: number): Promise<TortureReport> {
  const faults: string[] = [];
  let cuts = 0;
  let operations = 0;
  for (let seed = 1; cuts < count; seed++) {
    const name = STORE_NAMES[seed % STORE_NAMES.length]!;
    const durability = Math.floor(seed / STORE_NAMES.length) % 2 === 0 ? 'power' : 'process';
    const recording = record(name, durability, seed);
    const states = expectedStates(recording);
    operations += recording.operations.length;
    for (let number = 0; number < CUTS_PER_RECORDING && cuts < count; number++, cuts++) {
      const fault = cutPower(recording, states, number);
      if (fault !== undefined) faults.push(`${name}, ${durability}, seed ${seed}, cut ${number}: ${fault}`);
    }
  }
  return { figures: `${cuts} power cuts within ${operations} recorded operations`, faults };
}

/** The power may go at any moment, and what was not synced goes with it, or some of it. */
export const powerCutSuite: TortureSuite = {
  name: 'power-cuts',
  long: 2000,
  short: 100,
  unavailable: getShimFault,
  run,
};
