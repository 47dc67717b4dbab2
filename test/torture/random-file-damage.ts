import { existsSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { type DamagedKind, listDatabaseFolders } from './damaged-start-hosts.ts';

const PAGE_BYTES = 4096;
/** Of the header: the version of the format. A greater one can't be told from that of a newer deskcache. */
const VERSION_AT = 60;
const VERSION_BYTES = 4;

/** What was damaged, for the model of what can still be read. */
export interface FileDamage {
  readonly name: string;
  /** The folder of the database. */
  readonly folder: string;
  readonly isTouched: (page: number) => boolean;
  /** Names of value files that were damaged. */
  readonly files: ReadonlySet<string>;
  /** True where changes in a log or journal are lost, so that older content of pages counts. */
  readonly isOfLog: boolean;
  /** True where the header may be that of a newer version. */
  readonly mayBeNewer: boolean;
}

type Random = (limit: number) => number;

interface Target {
  readonly random: Random;
  readonly folder: string;
  readonly database: string;
}

const NOTHING = { isTouched: () => false, files: new Set<string>(), isOfLog: false, mayBeNewer: false } as const;
type Effect = Partial<Omit<FileDamage, 'name' | 'folder'>>;

const toPage = (at: number): number => Math.floor(at / PAGE_BYTES) + 1;
const fillRandom = (bytes: Buffer, random: Random, from: number, to: number): void => {
  for (let at = from; at < to; at++) bytes[at] = random(256);
};
const mayTouchVersion = (from: number, to: number): boolean => from < VERSION_AT + VERSION_BYTES && to > VERSION_AT;

/** Changes the bytes of the database; `change` returns the ranges that it has changed. */
function changeDatabase(
  { database, random }: Target,
  change: (bytes: Buffer, random: Random) => readonly (readonly [from: number, to: number])[],
): Effect {
  const bytes = readFileSync(database);
  const ranges = change(bytes, random);
  writeFileSync(database, bytes);
  const touched = new Set(
    ranges.flatMap(([from, to]) =>
      Array.from({ length: toPage(to - 1) - toPage(from) + 1 }, (_, n) => toPage(from) + n),
    ),
  );
  return {
    isTouched: (page) => touched.has(page),
    mayBeNewer: ranges.some(([from, to]) => mayTouchVersion(from, to)),
  };
}

const times = <T>(many: number, make: (n: number) => T): T[] => Array.from({ length: many }, (_, n) => make(n));
const pageRange = (page: number): readonly [number, number] => [(page - 1) * PAGE_BYTES, page * PAGE_BYTES];
const choosePage = (bytes: Buffer, random: Random): number => 1 + random(Math.max(1, bytes.length / PAGE_BYTES));

function damageFile({ random }: Target, path: string): void {
  const bytes = readFileSync(path);
  const how = random(4);
  if (how === 0) rmSync(path);
  else if (how === 1) truncateSync(path, random(bytes.length + 1));
  else {
    const from = random(bytes.length || 1);
    fillRandom(bytes, random, from, Math.min(bytes.length, from + 1 + random(how === 2 ? 8 : 8192)));
    writeFileSync(path, bytes);
  }
}

const DAMAGES: Readonly<Record<string, (target: Target) => Effect | undefined>> = {
  'garbage on pages': (target) =>
    changeDatabase(target, (bytes, random) =>
      times(1 + random(3), () => {
        const range = pageRange(choosePage(bytes, random));
        fillRandom(bytes, random, ...range);
        return range;
      }),
    ),
  'zeros on a page': (target) =>
    changeDatabase(target, (bytes, random) => {
      const range = pageRange(choosePage(bytes, random));
      bytes.fill(0, ...range);
      return [range];
    }),
  'bits flipped': (target) =>
    changeDatabase(target, (bytes, random) =>
      times(1 + random(8), () => {
        const at = random(bytes.length);
        bytes[at]! ^= 1 << random(8);
        return [at, at + 1] as const;
      }),
    ),
  'the first page lost, and others': (target) =>
    changeDatabase(target, (bytes, random) =>
      [1, choosePage(bytes, random)].map((page) => {
        const range = pageRange(page);
        fillRandom(bytes, random, ...range);
        return range;
      }),
    ),
  'garbage in the header': (target) =>
    changeDatabase(target, (bytes, random) => {
      const from = random(100);
      const range = [from, Math.min(bytes.length, from + 1 + random(40))] as const;
      fillRandom(bytes, random, ...range);
      return [range];
    }),
  'pages exchanged': (target) =>
    changeDatabase(target, (bytes, random) => {
      const ranges = times(2, () => pageRange(choosePage(bytes, random)));
      const [first, second] = ranges.map(([from, to]) => Buffer.from(bytes.subarray(from, to)));
      second!.copy(bytes, ranges[0]![0]);
      first!.copy(bytes, ranges[1]![0]);
      return ranges;
    }),
  'the file cut': ({ database, random }) => {
    const length = random(readFileSync(database).length);
    truncateSync(database, length);
    return { isTouched: (page) => page * PAGE_BYTES > length, mayBeNewer: false };
  },
  'the file missing': ({ database }) => {
    rmSync(database);
    return { isTouched: () => true };
  },
  'the file garbage': (target) =>
    changeDatabase(target, (bytes, random) => {
      fillRandom(bytes, random, 0, bytes.length);
      return [[0, bytes.length]];
    }),
  'the log': (target) => {
    const path = `${target.database}-wal`;
    if (!existsSync(path) || readFileSync(path).length === 0) return undefined;
    damageFile(target, path);
    return { isOfLog: true };
  },
  'a journal': (target) => {
    const journals = readdirSync(target.folder).filter((name) => /^journal-\d$/.test(name));
    if (journals.length === 0) return undefined;
    damageFile(target, join(target.folder, journals[target.random(journals.length)]!));
    return { isOfLog: true };
  },
  'the log and the first page': (target) => {
    const ofLog = DAMAGES['the log']!(target);
    return ofLog && { ...DAMAGES['the first page lost, and others']!(target), ...ofLog };
  },
  'a value file and the header': (target) => {
    const values = join(target.folder, 'values');
    const names = existsSync(values) ? readdirSync(values, { recursive: true, encoding: 'utf8' }) : [];
    const files = names.filter((name) => name.endsWith('.val'));
    if (files.length === 0) return undefined;
    const file = files[target.random(files.length)]!;
    damageFile(target, join(values, file));
    const effect = changeDatabase(target, (bytes, random) => {
      fillRandom(bytes, random, 0, 16);
      return [[0, 16]];
    });
    return { ...effect, files: new Set([file.replace(/\.val$/, '').replaceAll(/[/\\]/g, '')]) };
  },
};

const MANIFEST_DAMAGES = ['the manifest', 'a shard missing'] as const;

/** Damages a random file of a store in a random way. */
export function damageStore(store: string, kind: DamagedKind, random: Random): FileDamage {
  const folders = listDatabaseFolders(store);
  const folder = folders[random(folders.length)]!;
  const isFanout = kind === 'images' || kind === '_windows';
  if (isFanout && random(4) === 0) return { ...NOTHING, ...damageFanout(store, folder, random) };
  const names = Object.keys(DAMAGES);
  for (;;) {
    const name = names[random(names.length)]!;
    const effect = DAMAGES[name]!({ random, folder, database: join(folder, 'cache.db') });
    if (effect !== undefined)
      return { ...NOTHING, ...effect, name: `${name} of ${relative(store, folder) || '.'}`, folder };
  }
}

function damageFanout(store: string, folder: string, random: Random): Pick<FileDamage, 'name' | 'folder'> {
  const name = MANIFEST_DAMAGES[random(MANIFEST_DAMAGES.length)]!;
  if (name === 'the manifest') damageFile({ random, folder, database: '' }, join(store, 'fanout.json'));
  else rmSync(folder, { recursive: true });
  return { name, folder };
}
