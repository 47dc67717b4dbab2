import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { DiskCacheError } from '../../main/engine/index.ts';
import { createRandom } from '../crash/random-writes.ts';
import { attempt, findDatabases, type OpenedStore, STORE_KINDS, type StoreKind } from './damaged-stores.ts';
import { getLogDamages, getPlacedDamages, type PlacedDamage } from './placed-damages.ts';

/*
 * Damages databases at random and looks what is left: `node test/torture/damage.ts [count] [seed] [--only=n] [--keep=directory] [--placed]` prints
 * figures, and exits with 1 if a wrong value was returned without an error, if `check` found nothing although items were lost, or if a
 * repair lost readable items. `--only` replays one damage of a seed; `--keep` leaves the damaged store in a directory;
 * `--placed` does the damages at chosen places.
 */

export interface DamageStats {
  damages: number;
  refused: number;
  unharmed: number;
  readable: number;
  kept: number;
  cleared: number;
  readonly faults: string[];
}

/** Faults that are told at once. */
const MAX_FAULTS = 100;

type Damage = (bytes: Buffer, random: () => number) => Buffer;

const getRandomIndex = (random: () => number, count: number): number => Math.floor(random() * count);
const readPageSize = (bytes: Buffer): number => bytes.readUInt16BE(16);

const DAMAGE_KINDS: Readonly<Record<string, Damage>> = {
  'one bit': (bytes, random) => {
    bytes[getRandomIndex(random, bytes.length)]! ^= 1 << getRandomIndex(random, 8);
    return bytes;
  },
  'eight bits of a page': (bytes, random) => {
    const size = readPageSize(bytes);
    const page = getRandomIndex(random, bytes.length / size);
    for (let n = 0; n < 8; n++) bytes[page * size + getRandomIndex(random, size)]! ^= 1 << getRandomIndex(random, 8);
    return bytes;
  },
  'a bit of the beginning of a page': (bytes, random) => {
    const size = readPageSize(bytes);
    bytes[getRandomIndex(random, bytes.length / size) * size + getRandomIndex(random, 40)]! ^=
      1 << getRandomIndex(random, 8);
    return bytes;
  },
  'a page of zeros': (bytes, random) => {
    const size = readPageSize(bytes);
    const page = getRandomIndex(random, bytes.length / size);
    return bytes.fill(0, page * size, (page + 1) * size);
  },
  'a page of noise': (bytes, random) => {
    const size = readPageSize(bytes);
    const page = 1 + getRandomIndex(random, bytes.length / size - 1);
    for (let at = page * size; at < (page + 1) * size; at++) bytes[at] = getRandomIndex(random, 256);
    return bytes;
  },
  'two pages exchanged': (bytes, random) => {
    const size = readPageSize(bytes);
    const [one, two] = [
      1 + getRandomIndex(random, bytes.length / size - 1),
      1 + getRandomIndex(random, bytes.length / size - 1),
    ];
    const first = Buffer.from(bytes.subarray(one * size, (one + 1) * size));
    bytes.copy(bytes, one * size, two * size, (two + 1) * size);
    first.copy(bytes, two * size);
    return bytes;
  },
  'the end cut off': (bytes, random) => bytes.subarray(0, 100 + getRandomIndex(random, bytes.length - 100)),
};

const toText = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error));

/** Where an error or a failed promise of the harness says what was being done. */
function checkOne(
  kind: StoreKind,
  directory: string,
  what: string,
  figures: DamageStats,
  alsoClear: boolean,
  leaves?: PlacedDamage['leaves'],
): void {
  const fault = (text: string) => figures.faults.push(`${kind.name}, ${what}: ${text}`);
  let store: OpenedStore;
  try {
    store = kind.open(directory);
  } catch (error) {
    figures.refused++;
    if (!(error instanceof DiskCacheError)) fault(`opening: ${toText(error)}`);
    else if (!error.message.includes(directory)) fault(`refused without its path: ${error.code} ${error.message}`);
    return;
  }
  try {
    const before = store.read();
    for (const text of before.wrong.slice(0, 3)) fault(text);
    const readable = [...before.best].filter(([, reading]) => reading === 'whole').map(([n]) => n);
    const found = store.check();
    if (found.length === 0) {
      figures.unharmed++;
      if (readable.length < before.best.size && leaves !== 'an earlier state')
        fault(`check is clean, and ${before.best.size - readable.length} are gone`);
    }
    store.check(true);
    const left = store.check();
    if (left.length > 0) fault(`after the repair: ${left[0]!.message}`);
    const after = store.read(true);
    for (const text of after.wrong.slice(0, 3)) fault(`after the repair ${text}`);
    const lost = readable.filter((n) => after.best.get(n) !== 'whole');
    if (lost.length > 0)
      fault(
        `the repair has lost ${lost.slice(0, 3).join(', ')}, ${lost.length} of ${readable.length} that could be read`,
      );
    figures.readable += readable.length;
    figures.kept += readable.length - lost.length;
    store.use();
    if (alsoClear) clearAndUse(store, figures);
  } catch (error) {
    const isRefused =
      leaves === 'a store that is read' && error instanceof DiskCacheError && error.code === 'READ_ONLY';
    if (!isRefused) fault(toText(error));
  } finally {
    attempt(() => store.close());
  }
}

function clearAndUse(store: OpenedStore, figures: DamageStats): void {
  store.clear();
  store.use();
  figures.cleared++;
}

interface DamageRun {
  readonly count: number;
  readonly seed: number;
  /** The number of the one damage that is done; the others only use up their random numbers. */
  readonly only?: number | undefined;
  /** Where a copy of the last damaged store is left. */
  readonly keep?: string | undefined;
  /** Names each placed damage on the standard error, for one that ends the process. */
  readonly progress?: boolean | undefined;
}

/** Damages copies of stores of every kind, one after the other. */
function runDamages({ count, seed, only, keep }: DamageRun, kinds = STORE_KINDS): DamageStats {
  const random = createRandom(seed);
  const root = mkdtempSync(join(tmpdir(), 'deskcache-damage-'));
  const figures: DamageStats = { damages: 0, refused: 0, unharmed: 0, readable: 0, kept: 0, cleared: 0, faults: [] };
  try {
    for (const kind of kinds) kind.fill(join(root, kind.name));
    for (let number = 0; number < count && (only === undefined || number <= only); number++) {
      const kind = kinds[number % kinds.length]!;
      const [name, harm] = Object.entries(DAMAGE_KINDS)[getRandomIndex(random, Object.keys(DAMAGE_KINDS).length)]!;
      const whole = join(root, kind.name);
      const paths = findDatabases(whole);
      const path = paths[getRandomIndex(random, paths.length)]!;
      const bytes = harm(readFileSync(path), random);
      const isCleared = getRandomIndex(random, 4) === 0;
      const isClearedUnread = isCleared && getRandomIndex(random, 2) === 0;
      if (only !== undefined && number !== only) continue;
      figures.damages++;
      const directory = join(root, 'damaged');
      cpSync(whole, directory, { recursive: true });
      writeFileSync(join(directory, relative(whole, path)), bytes);
      if (keep !== undefined) cpSync(directory, keep, { recursive: true });
      const what = `damage ${number} of seed ${seed} (${name})`;
      if (isClearedUnread) clearDamaged(kind, directory, what, figures);
      else checkOne(kind, directory, what, figures, isCleared);
      rmSync(directory, { recursive: true, force: true });
    }
    return figures;
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/** Does each of the damages at chosen places once, or `count` of them, spread evenly. */
function runPlacedDamages({ count, only, keep, progress }: Omit<DamageRun, 'seed'>, kinds = STORE_KINDS): DamageStats {
  const root = mkdtempSync(join(tmpdir(), 'deskcache-damage-'));
  const figures: DamageStats = { damages: 0, refused: 0, unharmed: 0, readable: 0, kept: 0, cleared: 0, faults: [] };
  try {
    const cases = kinds.flatMap((kind) => {
      const whole = join(root, kind.name);
      kind.fill(whole);
      const logged = `${whole} logged`;
      kind.fill(whole.concat(' open'), (directory) => cpSync(directory, logged, { recursive: true }));
      const toCase = (from: string) => (damage: PlacedDamage) => ({ kind, from, ...damage });
      return [...getPlacedDamages(kind, whole).map(toCase(whole)), ...getLogDamages().map(toCase(logged))];
    });
    const step = Math.max(1, cases.length / count);
    for (let place = 0; place < cases.length; place += step) {
      const number = Math.floor(place);
      if (only !== undefined && number !== only) continue;
      const { kind, from, what, harm, leaves } = cases[number]!;
      figures.damages++;
      const directory = join(root, 'damaged');
      cpSync(from, directory, { recursive: true });
      harm(directory);
      if (keep !== undefined) cpSync(directory, keep, { recursive: true });
      if (progress) console.error(`${kind.name}, placed damage ${number} (${what})`);
      checkOne(kind, directory, `placed damage ${number} (${what})`, figures, number % 4 === 0, leaves);
      rmSync(directory, { recursive: true, force: true });
    }
    return figures;
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/** `clearAndUse` works whatever is damaged, as long as the store opens. */
function clearDamaged(kind: StoreKind, directory: string, what: string, figures: DamageStats): void {
  const opened = attempt(() => kind.open(directory));
  if (opened === undefined || kind.name === 'Queue') return;
  try {
    clearAndUse(opened.value, figures);
    const left = opened.value.check();
    if (left.length > 0) figures.faults.push(`${kind.name}, ${what}: after clear: ${left[0]!.message}`);
  } catch (error) {
    figures.faults.push(`${kind.name}, ${what}: clear: ${toText(error)}`);
  } finally {
    attempt(() => opened.value.close());
  }
}

if (process.argv[1] === import.meta.filename) {
  const { values, positionals } = parseArgs({
    options: {
      only: { type: 'string' },
      keep: { type: 'string' },
      placed: { type: 'boolean' },
      progress: { type: 'boolean' },
    },
    allowPositionals: true,
  });
  const only = values.only === undefined ? undefined : Number(values.only);
  const [count = only === undefined ? 200 : only + 1, seed = Date.now() % 2 ** 31] = positionals.map(Number);
  const figures = values.placed
    ? runPlacedDamages({
        count: only === undefined ? count : Number.POSITIVE_INFINITY,
        only,
        keep: values.keep,
        progress: values.progress,
      })
    : runDamages({ count, seed, only, keep: values.keep });
  console.log(
    JSON.stringify({
      seed,
      ...figures,
      faults: figures.faults.slice(0, MAX_FAULTS),
      faultCount: figures.faults.length,
    }),
  );
  process.exitCode = figures.faults.length === 0 ? 0 : 1;
}
