/**
 * `npx node bench/profile.ts [operation …]`: where the time of one operation goes, by sampling: which functions, and how much is the
 * driver with SQLite and the file system below it. Microseconds are of processor time of this process, shared out by the samples: what the
 * process waits for, or another one takes from it, is in none.
 */
import { Session } from 'node:inspector/promises';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Cache } from '../main/engine/index.ts';
import { createObject } from './harness/items.ts';
import { drawIndices, shuffleIndices, toKeys, VALUE_BYTES, Values } from './harness/keys-and-values.ts';
import { Scratch } from './harness/scratch.ts';

const ITEMS = 20_000;
/** Measured rounds of `ITEMS` operations; one more, before them, warms up. */
const ROUNDS = 3;
/** A hit in memory takes so little that a round reads everything more often. */
const HIT_PASSES = 20;
const SAMPLE_INTERVAL_MICROSECONDS = 100;
/** Functions with a smaller share are summed up. */
const MIN_SHARE = 0.02;
const ROOT = new URL('..', import.meta.url);

const values = new Values('text', VALUE_BYTES);
type Store = Cache<string, unknown>;

interface Operation {
  /** Times that a round runs. Default 1. */
  readonly passes?: number;
  readonly memory?: number;
  /** Brings the store into the state that the operation needs; not sampled. */
  prepare?(store: Store, keys: readonly string[]): void;
  run(store: Store, keys: readonly string[], round: number): void;
  keys(round: number): Uint32Array;
}

const fill = (store: Store, keys: readonly string[]): void => {
  store.setMany([...new Set(keys)].map((key, nth) => [key, values.at(nth)] as const));
};
const readAll = (store: Store, keys: readonly string[]): void => {
  let found = 0;
  for (const key of keys) if (store.get(key) !== undefined) found++;
  if (found !== keys.length) throw new Error(`${found} of ${keys.length} were found`);
};
const setAll = (store: Store, keys: readonly string[], round: number): void => {
  for (let nth = 0; nth < keys.length; nth++) store.set(keys[nth]!, values.at(nth + round));
};
const among = (round: number): Uint32Array => drawIndices(ITEMS, ITEMS, round);
const fresh = (round: number): Uint32Array => shuffleIndices(round * ITEMS, (round + 1) * ITEMS, round);

const OPERATIONS_BY_NAME: Readonly<Record<string, Operation>> = {
  'set, new': { keys: fresh, run: setAll },
  'set, over': { keys: among, prepare: fill, run: setAll },
  'get, used recently': {
    passes: HIT_PASSES,
    keys: (round) => drawIndices(ITEMS, ITEMS / 10, round),
    prepare: (store, keys) => {
      fill(store, keys);
      readAll(store, keys);
    },
    run: readAll,
  },
  'get, any': { memory: 0, keys: among, prepare: fill, run: readAll },
  'object, used recently': {
    passes: HIT_PASSES,
    keys: (round) => drawIndices(ITEMS, ITEMS / 10, round),
    prepare(store, keys) {
      store.setMany([...new Set(keys)].map((key, nth) => [key, createObject(nth)] as const));
      for (let time = 0; time < 2; time++) readAll(store, keys);
    },
    run: readAll,
  },
  delete: {
    keys: fresh,
    prepare: fill,
    run(store, keys) {
      for (const key of keys) if (!store.delete(key)) throw new Error(`${key} was not there`);
    },
  },
};

/** Samples by function, and the microseconds of processor time that they share. */
interface Profile {
  readonly samples: Map<string, number>;
  microseconds: number;
}

async function sample(session: Session, profile: Profile, work: () => void): Promise<void> {
  await session.post('Profiler.start');
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  profile.microseconds += user + system;
  const { nodes, samples = [] } = (await session.post('Profiler.stop')).profile;
  const names = new Map(nodes.map(({ id, callFrame }) => [id, describeFrame(callFrame)]));
  for (const id of samples) {
    const name = names.get(id)!;
    if (!name.includes('node:inspector')) profile.samples.set(name, (profile.samples.get(name) ?? 0) + 1);
  }
}

const DRIVER = 'the driver, SQLite and the file system';

/** Functions without a source are V8's own, and the driver's, with all that SQLite and the file system do below them. */
function describeFrame({ functionName, url }: { readonly functionName: string; readonly url: string }): string {
  if (url.startsWith('node:')) return `${functionName}, ${url}`;
  if (url === '')
    return functionName === '' ? DRIVER : functionName.startsWith('(') ? functionName : `${functionName}, Node or V8`;
  return `${functionName || '(anonymous)'}, ${relative(fileURLToPath(ROOT), fileURLToPath(url))}`;
}

async function profileOperation(name: string, exclusive: boolean): Promise<void> {
  const { memory, passes = 1, prepare, run, keys } = OPERATIONS_BY_NAME[name]!;
  using scratch = new Scratch();
  using store: Store = new Cache(scratch.directory(), { exclusive, ...(memory === undefined ? {} : { memory }) });
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: SAMPLE_INTERVAL_MICROSECONDS });
  const profile: Profile = { samples: new Map(), microseconds: 0 };
  for (let round = 0; round <= ROUNDS; round++) {
    const list = toKeys(keys(round));
    prepare?.(store, list);
    const work = () => {
      for (let pass = 0; pass < passes; pass++) run(store, list, round);
    };
    if (round === 0) work();
    else await sample(session, profile, work);
  }
  session.disconnect();
  print(`${name}, ${exclusive ? 'exclusive' : 'shared'}`, profile, ROUNDS * ITEMS * passes);
}

function print(title: string, { samples, microseconds }: Profile, operations: number): void {
  const total = [...samples.values()].reduce((sum, count) => sum + count, 0);
  const each = microseconds / operations;
  const rows = [...samples].filter(([, count]) => count >= total * MIN_SHARE).sort(([, a], [, b]) => b - a);
  const rest = total - rows.reduce((sum, [, count]) => sum + count, 0);
  console.log(`\n| ${title} | ${each.toFixed(2)} µs | |\n| --- | --- | --- |`);
  for (const [name, count] of [...rows, ['everything else', rest] as const])
    console.log(`| ${name} | ${((each * count) / total).toFixed(2)} | ${((100 * count) / total).toFixed(0)} % |`);
}

const wanted = process.argv.slice(2);
for (const name of Object.keys(OPERATIONS_BY_NAME).filter((it) => wanted.length === 0 || wanted.includes(it)))
  for (const exclusive of [false, true]) await profileOperation(name, exclusive);
