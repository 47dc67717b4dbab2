/**
 * Damages the journals that killed processes have left, and looks what is there: `damage-program.ts <small worker> <worker> <count> <seed>
 * [<only>]`. Prints a `TortureReport` as JSON. A process of its own, which is ended if it hangs.
 */
import { cpSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DiskCacheError } from '../../../main/engine/index.ts';
import { createRandom } from '../../crash/random-writes.ts';
import type { Durability } from '../random-steps.ts';
import { type TortureReport, tellProgress } from '../suite.ts';
import { findDifference } from './difference.ts';
import { JOURNAL_DAMAGES, listRecords } from './journal-damages.ts';
import { runWorker } from './run-worker.ts';
import { SteppedStore } from './steps.ts';

const [, , smallWorker = '', worker = '', count = '0', seed = '1', only] = process.argv;
const STEPS = 2500;
const DAMAGES_PER_STORE = 60;
const FILES = ['journal-0', 'journal-1'] as const;
/** With every such seed a cache takes steps that nearly all go to the journal. */
const STRIDE = 42;

/** What a killed process has left. */
interface Left {
  readonly directory: string;
  readonly durability: Durability;
  readonly seed: number;
  readonly acknowledged: number;
  readonly states: readonly (readonly string[])[];
  readonly lines: ReadonlySet<string>;
  /**
   * Whether the database itself is in one of the states. It is not while a sealed file is applied in steps: then a damaged file leaves some
   * items older than others.
   */
  readonly isState: boolean;
}

const stats = { damages: 0, refused: 0, lost: 0, reported: 0, whole: 0, records: 0 };
const faults: string[] = [];

async function leave(nth: number, folder: string): Promise<Left> {
  const storeSeed = STRIDE * (Number(seed) + nth);
  const random = createRandom(storeSeed);
  const durability: Durability = random() < 0.3 ? 'power' : 'process';
  const directory = join(folder, `store-${nth}`);
  const program = nth % 2 === 0 ? smallWorker : worker;
  const operation = `W journal ${100 + Math.floor(random() * 900)} after`;
  const run = { program, name: 'cache' as const, directory, durability, seed: storeSeed, first: 0, last: STEPS };
  const { acknowledged } = await runWorker({ ...run, death: { operation } });
  const model = SteppedStore.createModel('cache', storeSeed);
  const states = [model.describe()];
  while (model.steps <= acknowledged) {
    model.advance();
    states.push(model.describe());
  }
  const left = { directory, durability, seed: storeSeed, acknowledged, states, lines: new Set(states.flat()) };
  const alone = join(folder, 'database');
  cpSync(directory, alone, { recursive: true });
  for (const file of FILES) rmSync(join(alone, file), { force: true });
  const found = SteppedStore.open('cache', storeSeed, acknowledged + 1, alone, durability);
  const isState = findState(left, found.describe()) >= 0;
  found.store.close();
  rmSync(alone, { recursive: true });
  return { ...left, isState };
}

/** Returns after how many steps a store was in this state; -1 if it never was. */
function findState({ states, acknowledged }: Pick<Left, 'states' | 'acknowledged'>, there: readonly string[]): number {
  const last = acknowledged + 1;
  let match = last;
  for (; match >= 0; match--) {
    const state = states[match]!.filter((line) => SteppedStore.isLiveAt(line, last));
    if (findDifference(there, state) === undefined) break;
  }
  return match;
}

/** What was done to a copy, and whether what is lost then has to be reported. */
interface Harm {
  readonly what: string;
  readonly mustReport: boolean;
  readonly harmsDatabase: boolean;
}

function harm(directory: string, random: () => number, other: Left): Harm {
  const draw = (limit: number) => Math.floor(random() * limit);
  const existing = FILES.map((name) => join(directory, name)).filter((path) => existsSync(path));
  const path = existing[draw(existing.length)]!;
  const dice = draw(20);
  if (dice === 0) {
    for (const name of FILES)
      if (existsSync(join(directory, name))) renameSync(join(directory, name), join(directory, `${name}.x`));
    for (const [at, name] of FILES.entries())
      if (existsSync(join(directory, `${name}.x`)))
        renameSync(join(directory, `${name}.x`), join(directory, FILES[1 - at]!));
    return { what: 'the files exchanged', mustReport: false, harmsDatabase: false };
  }
  if (dice === 1) {
    rmSync(path);
    return { what: `${path.slice(-9)} removed`, mustReport: false, harmsDatabase: false };
  }
  if (dice === 2) {
    cpSync(join(other.directory, 'journal-0'), path);
    return { what: 'the journal of another store', mustReport: false, harmsDatabase: false };
  }
  if (dice === 3) {
    for (const name of FILES) writeFileSync(join(directory, name), readFileSync(path));
    return { what: 'one file in both places', mustReport: false, harmsDatabase: false };
  }
  const names = Object.keys(JOURNAL_DAMAGES);
  const name = names[draw(names.length)]!;
  const before = readFileSync(path);
  if (before.length < 64) return { what: 'nothing', mustReport: false, harmsDatabase: false };
  const records = listRecords(before);
  const { bytes, from, to } = JOURNAL_DAMAGES[name]!(before, draw);
  writeFileSync(path, bytes);
  let what = `${name} in ${path.slice(-9)} at ${from} of ${before.length}`;
  let harmsDatabase = false;
  if (draw(6) === 0) {
    const database = join(directory, draw(2) === 0 ? 'cache.db' : 'cache.db-wal');
    const content = readFileSync(database);
    for (let left = 1 + draw(4); left > 0; left--) content[draw(content.length)]! ^= 1 << draw(8);
    writeFileSync(database, content);
    what += ', and some bits of the database';
    harmsDatabase = true;
  }
  stats.records += records.length - 1;
  // A whole record follows the damage.
  const mustReport = records.some((at, nth) => at >= to && at < (records[nth + 1] ?? 0)) && !bytes.equals(before);
  return { what, mustReport, harmsDatabase };
}

function look(left: Left, directory: string, { mustReport, harmsDatabase }: Harm): string | undefined {
  const { acknowledged, states, durability } = left;
  const last = acknowledged + 1;
  let found: ReturnType<typeof SteppedStore.open>;
  try {
    found = SteppedStore.open('cache', left.seed, last, directory, durability);
  } catch (error) {
    stats.refused++;
    if (!(error instanceof DiskCacheError)) return `opening: ${error}`;
    if (!error.message.includes(directory)) return `refused without its path: ${error.message}`;
    return harmsDatabase ? undefined : `refused: ${error.code} ${error.message}`;
  }
  try {
    const there = describe(found, harmsDatabase);
    if (there === undefined) return undefined;
    const wrong = there.filter((line) => !left.lines.has(line) && !(harmsDatabase && line.endsWith(': damaged')));
    if (wrong.length > 0) return `a value that was never there: ${wrong[0]!.slice(0, 200)}`;
    if (harmsDatabase) return undefined;
    const match = findState(left, there);
    if (match < 0 && left.isState)
      return `no state that it was ever in: ${findDifference(there, states[acknowledged]!)}`;
    const findings = found.store.check();
    stats.lost += Math.max(0, acknowledged - match);
    if (match >= acknowledged) stats.whole++;
    if (findings.length > 0) stats.reported++;
    if (match < acknowledged && mustReport && findings.length === 0)
      return `${acknowledged - match} of ${acknowledged} steps are lost, and check() is clean`;
    found.store.check({ repair: true });
    const after = found.store.check();
    if (after.length > 0) return `after the repair: ${after[0]!.message}`;
    const kept = findDifference(found.describe(), there);
    if (kept !== undefined) return `the repair has changed something: ${kept}`;
    found.advance();
    return undefined;
  } finally {
    found.store.close();
  }
}

function describe(found: SteppedStore, mayBeRefused: boolean): readonly string[] | undefined {
  try {
    return found.describe();
  } catch (error) {
    if (mayBeRefused && error instanceof DiskCacheError) return undefined;
    throw error;
  }
}

const folder = mkdtempSync(join(tmpdir(), 'deskcache-journal-damage-'));
try {
  let other = await leave(1, folder);
  for (let nth = 0; stats.damages < Number(count); nth++) {
    const left = await leave(nth * 2, folder);
    for (let number = nth * DAMAGES_PER_STORE; number < (nth + 1) * DAMAGES_PER_STORE; number++) {
      if (stats.damages++ >= Number(count)) break;
      if (only !== undefined && number !== Number(only)) continue;
      const random = createRandom(Math.imul(Number(seed), 65_537) + number);
      const directory = join(folder, 'damaged');
      cpSync(left.directory, directory, { recursive: true });
      const harmed = harm(directory, random, other);
      const kept = process.env['TORTURE_KEEP'];
      if (only !== undefined && kept !== undefined) cpSync(directory, kept, { recursive: true });
      let fault: string | undefined;
      try {
        fault = look(left, directory, harmed);
      } catch (error) {
        fault = error instanceof Error ? (error.stack ?? error.message) : String(error);
      }
      if (fault !== undefined) faults.push(`damage ${number} of seed ${seed}, ${harmed.what}: ${fault}`);
      rmSync(directory, { recursive: true, force: true });
    }
    tellProgress(`damages: ${JSON.stringify({ ...stats, faults })}`);
    rmSync(other.directory, { recursive: true, force: true });
    other = left;
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
const figures =
  `${Math.min(stats.damages, Number(count))} damages of journals (${stats.records} records): ${stats.refused} stores refused, ` +
  `${stats.whole} with everything, ${stats.reported} reported, ${stats.lost} steps lost; seed ${seed}`;
console.log(JSON.stringify({ figures, faults } satisfies TortureReport));
