import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRandom } from '../crash/random-writes.ts';
import { attempt, findDatabases, type OpenedStore, STORE_KINDS, type StoreKind } from './damaged-stores.ts';

/*
 * Damages databases at random and checks the result: `node test/torture/damage.ts [count] [seed]` prints figures, and exits with 1
 * if a wrong value was returned without an error, if `check` found nothing although items were lost, or if a repair lost readable items.
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

/** Where an error or a failed promise of the harness says what was being done. */
function checkOne(kind: StoreKind, directory: string, what: string, figures: DamageStats, alsoClear: boolean): void {
  const fault = (text: string) => figures.faults.push(`${kind.name}, ${what}: ${text}`);
  const opened = attempt(() => kind.open(directory));
  if (opened === undefined) {
    figures.refused++;
    return;
  }
  const store = opened.value;
  try {
    const before = store.read();
    for (const text of before.wrong.slice(0, 3)) fault(text);
    const readable = [...before.best].filter(([, reading]) => reading === 'whole').map(([n]) => n);
    const found = store.check();
    if (found.length === 0) {
      figures.unharmed++;
      if (readable.length < before.best.size)
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
    fault(error instanceof Error ? (error.stack ?? error.message) : String(error));
  } finally {
    attempt(() => store.close());
  }
}

function clearAndUse(store: OpenedStore, figures: DamageStats): void {
  store.clear();
  store.use();
  figures.cleared++;
}

/** Damages this many copies of stores of every kind, one after the other. */
export function runDamages(count: number, seed: number, kinds: readonly StoreKind[] = STORE_KINDS): DamageStats {
  const random = createRandom(seed);
  const root = mkdtempSync(join(tmpdir(), 'deskcache-damage-'));
  const figures: DamageStats = { damages: 0, refused: 0, unharmed: 0, readable: 0, kept: 0, cleared: 0, faults: [] };
  try {
    for (const kind of kinds) kind.fill(join(root, kind.name));
    for (; figures.damages < count; figures.damages++) {
      const kind = kinds[figures.damages % kinds.length]!;
      const [name, harm] = Object.entries(DAMAGE_KINDS)[getRandomIndex(random, Object.keys(DAMAGE_KINDS).length)]!;
      const directory = join(root, 'damaged');
      cpSync(join(root, kind.name), directory, { recursive: true });
      const paths = findDatabases(directory);
      const path = paths[getRandomIndex(random, paths.length)]!;
      writeFileSync(path, harm(readFileSync(path), random));
      const clearing = getRandomIndex(random, 4) === 0;
      if (clearing && getRandomIndex(random, 2) === 0) clearDamaged(kind, directory, name, figures);
      else checkOne(kind, directory, `damage ${figures.damages} of seed ${seed} (${name})`, figures, clearing);
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
    figures.faults.push(`${kind.name}, ${what}: clear: ${error instanceof Error ? error.stack : String(error)}`);
  } finally {
    attempt(() => opened.value.close());
  }
}

if (process.argv[1] === import.meta.filename) {
  const [count = 200, seed = Date.now() % 2 ** 31] = process.argv.slice(2).map(Number);
  const figures = runDamages(count, seed);
  console.log(
    JSON.stringify({ seed, ...figures, faults: figures.faults.slice(0, 20), faultCount: figures.faults.length }),
  );
  process.exitCode = figures.faults.length === 0 ? 0 : 1;
}
