/**
 * Cuts the power while processes work and rebuilds what is on disk from the recorded operations: `cut-program.ts <worker> <count> <seed>
 * <stride> <max faults> [<only>]`. Prints a `TortureReport` as JSON. A bundle of its own, so that it can run with other source text, see `rules.ts`.
 */
import { cpSync, existsSync, mkdtempSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getJournalPaths } from '../../../main/engine/journal/journal-file.ts';
import { createRandom } from '../../crash/random-writes.ts';
import { type Luck, SimulatedDisk } from '../disk.ts';
import type { Durability } from '../random-steps.ts';
import { type Operation, readLog } from '../shim.ts';
import { type TortureReport, tellProgress } from '../suite.ts';
import { findDifference } from './difference.ts';
import { runWorker } from './run-worker.ts';
import { SteppedStore, type StoreName } from './steps.ts';
import { isInFile } from './values.ts';

const [, , program = '', count = '0', firstSeed = '1', stride = '1', maxFaults = 'Infinity', only] = process.argv;
const STEPS = 1200;
const CUTS_PER_RECORDING = 60;
const STORES: readonly StoreName[] = ['cache', 'cache', 'deque', 'cache', 'cache', 'index', 'cache'];

interface Recording {
  readonly name: StoreName;
  readonly durability: Durability;
  readonly seed: number;
  readonly directory: string;
  readonly operations: readonly Operation[];
  /** What is there after each number of steps, from none. */
  readonly states: readonly (readonly string[])[];
}

const stats = { cuts: 0, recoveries: 0, operations: 0, truncations: 0, lost: 0, findings: 0 };
const faults: string[] = [];

async function record(seed: number): Promise<Recording> {
  const name = STORES[seed % STORES.length]!;
  const durability: Durability = Math.floor(seed / 6) % 2 === 0 ? 'process' : 'power';
  const folder = mkdtempSync(join(tmpdir(), 'deskcache-journal-cuts-'));
  const [directory, log] = [join(folder, 'store'), join(folder, 'log')];
  try {
    await runWorker({ program, name, directory, durability, seed, first: 0, last: STEPS, log });
    const operations = readLog(log);
    stats.operations += operations.length;
    stats.truncations += operations.filter(({ kind, ...op }) => kind === 'truncate' && isJournal(op as never)).length;
    const expected = SteppedStore.createModel(name, seed);
    const states = [expected.describe()];
    while (expected.steps < STEPS) {
      expected.advance();
      states.push(expected.describe());
    }
    return { name, durability, seed, directory, operations, states };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const isJournal = ({ path }: { readonly path: string }): boolean => path.includes('/journal');

interface Cut {
  readonly disk: SimulatedDisk;
  /** How many steps were acknowledged, and how many of them the kernel had written back by itself or was told to. */
  readonly acknowledged: number;
  readonly lasting: number;
}

/**
 * The disk at a random moment. With 'power' every acknowledged step has to be there. With 'process' those have to be that were
 * acknowledged before the kernel last wrote everything back, as it does every half minute; or it never did.
 */
function runUntil({ durability, directory, operations }: Recording, random: () => number): Cut {
  const moment = Math.floor(random() * (operations.length + 1));
  const settled = durability === 'process' && random() < 0.7 ? Math.floor(random() * moment) : -1;
  const disk = new SimulatedDisk(directory);
  let acknowledged = -1;
  let lasting = 0;
  for (const [at, operation] of operations.slice(0, moment).entries()) {
    disk.apply(operation);
    if (operation.kind === 'said') acknowledged++;
    if (at !== settled) continue;
    disk.settle();
    lasting = Math.max(0, acknowledged);
  }
  acknowledged = Math.max(0, acknowledged);
  return { disk, acknowledged, lasting: durability === 'power' ? acknowledged : lasting };
}

/** Mostly each file fares in its own way: a system writes one file back long before another. */
function chooseLuck(random: () => number): number | (() => Luck) {
  const choose = (): Luck => ([0, 0.5, 1, 1, random(), 'in order'] as const)[Math.floor(random() * 6)]!;
  const common = choose();
  return random() < 0.7 || common === 'in order' ? choose : common;
}

async function cutPower(recording: Recording, number: number): Promise<string | undefined> {
  const random = createRandom(Math.imul(recording.seed, 65_537) + number);
  const cut = runUntil(recording, random);
  const folder = mkdtempSync(join(tmpdir(), 'deskcache-cut-'));
  let directory = join(folder, 'store');
  try {
    cut.disk.cut(directory, random, chooseLuck(random));
    if (random() < 0.12) {
      stats.recoveries++;
      const again = join(folder, 'again');
      (await recoverAndStop(recording, directory, random)).cut(again, random, chooseLuck(random));
      directory = again;
    }
    const kept = process.env['TORTURE_KEEP'];
    if (only !== undefined && kept !== undefined) cpSync(directory, kept, { recursive: true });
    setBeforeBoot(directory);
    return verify(recording, cut, directory);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The journals are from before the system was started again, as their times tell. */
function setBeforeBoot(directory: string): void {
  for (const path of getJournalPaths(directory)) if (existsSync(path)) utimesSync(path, 0, 0);
}

/** The disk at a random moment while a process recovers what a power cut has left. */
async function recoverAndStop(
  { name, durability, seed }: Recording,
  directory: string,
  random: () => number,
): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk(directory);
  disk.load(directory);
  const log = `${directory}.log`;
  await runWorker({ program, name, directory, durability, seed, first: STEPS, last: STEPS, log });
  const operations = readLog(log);
  for (const operation of operations.slice(0, Math.floor(random() * (operations.length + 1)))) disk.apply(operation);
  return disk;
}

function verify(recording: Recording, { acknowledged, lasting }: Cut, directory: string): string | undefined {
  const { name, durability, seed, states } = recording;
  const last = Math.min(acknowledged + 1, STEPS);
  const found = SteppedStore.open(name, seed, last, directory, durability);
  try {
    const there = found.describe();
    const settled = new Set(durability === 'process' ? states[lasting] : []);
    const isSame = (line: string, other: string) =>
      line === other ||
      (durability === 'process' && line === SteppedStore.toDamaged(other) && isInFile(other) && !settled.has(other));
    let match = last;
    for (; match >= lasting; match--) {
      const state = states[match]!.filter((line) => SteppedStore.isLiveAt(line, last));
      if (state.length === there.length && state.every((line, at) => isSame(there[at]!, line))) break;
    }
    if (match < lasting)
      return `is not a state after ${lasting} to ${last} steps: ${findDifference(there, states[acknowledged]!)}`;
    stats.lost += Math.max(0, acknowledged - match);
    const findings = found.store.check().filter(({ code }) => code !== 'orphan');
    stats.findings += findings.length;
    // With 'process' a value file may have lost its bytes, which is reported.
    const mayBeFound = ({ message }: (typeof findings)[number]) =>
      durability === 'process' && message.includes('.val ');
    const unexpected = findings.filter((finding) => !mayBeFound(finding));
    return unexpected[0] && `check() found ${unexpected.map(({ message }) => message).join('; ')}`;
  } finally {
    found.store.close();
  }
}

const isEnough = () => stats.cuts >= Number(count) || faults.length >= Number(maxFaults);
for (let seed = Number(firstSeed); !isEnough(); seed += Number(stride)) {
  const recording = await record(seed);
  for (let number = 0; number < CUTS_PER_RECORDING && !isEnough(); number++, stats.cuts++) {
    if (only !== undefined && number !== Number(only)) continue;
    const fault = await cutPower(recording, number);
    const { name, durability } = recording;
    if (fault !== undefined) faults.push(`${name}, ${durability}, seed ${seed}, cut ${number}: ${fault}`);
  }
  tellProgress(`cuts: seed ${seed} done; ${JSON.stringify({ ...stats, faults })}`);
  if (only !== undefined) break;
}
const { cuts, recoveries, operations, truncations, lost, findings } = stats;
const figures =
  `${cuts} power cuts (${recoveries} again in recovery) within ${operations} recorded operations, ${truncations} truncations of ` +
  `journals; ${lost} steps lost with 'process', ${findings} findings; seeds from ${firstSeed}`;
console.log(JSON.stringify({ figures, faults } satisfies TortureReport));
