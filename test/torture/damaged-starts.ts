import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DiskCacheError } from '../../main/engine/index.ts';
import { createRandom } from '../crash/random-writes.ts';
import type { DamagedHost } from '../damage/damaged-host.ts';
import {
  createModel,
  type DamagedKind,
  getFormerValue,
  type HostModel,
  isRestored,
  KINDS,
  MODEL_NAMES,
  openOnly,
  type RestoredKind,
} from './damaged-start-hosts.ts';
import { damageStore, type FileDamage } from './random-file-damage.ts';

/*
 * `node damaged-starts.ts <count> <seed> [--only=<n>]`: damages a store of a host at random, and starts the host twice. It opens each time;
 * what is read is right or missing; and what lies on pages and in files that were not touched is there after a restore. Prints what was
 * found as JSON.
 */

export interface DamagedStartStats {
  damages: number;
  /** Stores that were set aside, restored, or harmed so little that nothing noticed. */
  setAside: number;
  restored: number;
  unnoticed: number;
  /** Headers that may be those of a newer version. */
  mayBeNewer: number;
  /** Items of restored stores on untouched pages, and those of them that are there. */
  readable: number;
  saved: number;
  /** Deleted items that came back, because the map of the pages was lost with a part of the tree, or a free page was put into it. */
  returned: number;
  readonly faults: string[];
}

const stats: DamagedStartStats = {
  damages: 0,
  setAside: 0,
  restored: 0,
  unnoticed: 0,
  mayBeNewer: 0,
  readable: 0,
  saved: 0,
  returned: 0,
  faults: [],
};

/** Reads a store; returns what was found, by key. A call that fails with `CORRUPT` is what the next start is for. */
function readAll(host: DamagedHost, kind: DamagedKind): Map<unknown, unknown> {
  const found = new Map<unknown, unknown>();
  try {
    if (kind === 'notes') for (const [key, value] of host.stores.notes) found.set(key, value);
    if (kind === 'log') for (const value of host.stores.log) found.set(found.size, value);
    if (kind === 'prefs') for (const [key, value] of Object.entries(host.stores.prefs.all())) found.set(key, value);
    if (kind === '_queues/mail') {
      const mail = host.queues.find<string>('mail');
      for (const state of ['ready', 'delayed', 'dead'] as const)
        for (const { id, payload } of mail.jobs(state)) found.set(id, payload);
    }
    if (kind === 'pages') for (const key of host.stores.pages.keys()) host.stores.pages.get(key);
    if (kind === 'images') for (const key of host.stores.images.keys()) host.stores.images.get(key);
    if (kind === '_windows') host.windows.attach('main', 'persistent').open().get('panel');
  } catch (error) {
    if (!(error instanceof DiskCacheError) || error.code !== 'CORRUPT') throw error;
  }
  return found;
}

/** Writes to a store. Returns false where that meets damage. */
function tryWrite(host: DamagedHost, kind: DamagedKind): boolean {
  try {
    write(host, kind);
    return true;
  } catch (error) {
    if (!(error instanceof DiskCacheError) || error.code !== 'CORRUPT') throw error;
    return false;
  }
}

function write(host: DamagedHost, kind: DamagedKind): void {
  if (kind === 'notes') host.stores.notes.set('new', 'new');
  if (kind === 'log') host.stores.log.push('new');
  if (kind === '_queues/mail') host.queues.find('mail').pause();
  if (kind === 'prefs') host.stores.prefs.set('user.name', 'new');
  if (kind === 'pages') host.stores.pages.set('new', 'new');
  if (kind === 'images') for (let n = 0; n < 20; n++) host.stores.images.set(`new ${n}`, 'new');
  if (kind === '_windows') host.windows.attach('main', 'persistent').open().set('new', 'new');
}

interface Start {
  readonly outcomes: readonly string[];
  readonly found: ReadonlyMap<unknown, unknown>;
  readonly isWritable: boolean;
}

/** Starts the host, reads everything, and writes. */
function start(directory: string, kind: DamagedKind): Start {
  const host = openOnly(directory, kind);
  try {
    const found = readAll(host, kind);
    const outcomes = host.guard.reports.map(({ outcome }) => outcome);
    return { outcomes, found, isWritable: tryWrite(host, kind) };
  } finally {
    host.close();
  }
}

const DEFAULTS: ReadonlyMap<unknown, unknown> = new Map<unknown, unknown>([
  ['theme', 'light'],
  ['zoom', 1],
]);

const POINTER_MAP_PAGE = 2;

/** `mayReturn`: whether a deleted item may be there. */
function findWrongValue(
  kind: RestoredKind,
  found: ReadonlyMap<unknown, unknown>,
  { values }: HostModel,
  mayReturn: boolean,
): string | undefined {
  const right = values[kind];
  const isFormer = (key: unknown, value: unknown) => mayReturn && value === getFormerValue(kind, key, value);
  if (kind === 'log') {
    const known = new Set(right.values());
    const wrong = [...found.values()].find(
      (value) => value !== 'new' && !known.has(value) && !isFormer(undefined, value),
    );
    return wrong === undefined ? undefined : String(wrong).slice(0, 40);
  }
  if (kind === 'prefs') {
    const wrong = [...found].find(
      ([key, value]) => key !== 'user' && value !== right.get(key as never) && value !== DEFAULTS.get(key),
    );
    return wrong && String(wrong);
  }
  const wrong = [...found].find(
    ([key, value]) => value !== right.get(key as never) && key !== 'new' && !isFormer(key, value),
  );
  return wrong && `${String(wrong[0])}: ${String(wrong[1]).slice(0, 40)}`;
}

/** Returns the items on untouched pages, and those of them that were not found. */
function findLost(kind: RestoredKind, found: ReadonlyMap<unknown, unknown>, model: HostModel, damage: FileDamage) {
  const untouched = model.places[kind].filter(
    ({ pages, file }) => !pages.some(damage.isTouched) && (file === undefined || !damage.files.has(file)),
  );
  const right = model.values[kind];
  const first = Number(model.places[kind][0]?.key);
  const foundValues = new Set(found.values());
  const items = untouched.flatMap(({ key }): unknown[] => {
    if (kind === 'log') return [right.get(Number(key) - first)];
    if (kind === 'notes') return [key];
    if (kind === 'prefs') return typeof key === 'string' ? [key] : [];
    return Array.isArray(key) && key[0] === 'job' ? [key[1]] : [];
  });
  const isThere = (item: unknown): boolean => {
    if (kind === 'log') return foundValues.has(item);
    return found.has(item) && found.get(item) === right.get(item as never);
  };
  return { items, lost: items.filter((item) => !isThere(item)) };
}

function runOnce(model: HostModel, directory: string, seed: number, nth: number): void {
  const random = createRandom(Math.imul(seed, 7919) + nth);
  const choose = (limit: number): number => Math.floor(random() * limit);
  const kind = KINDS[choose(KINDS.length)]!;
  cpSync(join(model.directory, kind), join(directory, kind), { recursive: true });
  const damage = damageStore(join(directory, kind), kind, choose);
  const what = `--seed=${seed} --only=${nth}: ${kind}, ${model.name}: ${damage.name}`;
  stats.damages++;
  try {
    const starts = [start(directory, kind), start(directory, kind), start(directory, kind)];
    const repairs = starts.map(({ outcomes }) => outcomes.filter((outcome) => outcome !== 'noticed'));
    const outcomes = repairs.flat();
    const after = starts.slice(repairs.findIndex((some) => some.length > 0));
    if (outcomes.length > 0 && after.some(({ isWritable }) => !isWritable)) {
      stats.faults.push(`${what}: it can't be written to after the repair`);
    }
    if (outcomes.length > 1) stats.faults.push(`${what}: it was repaired ${outcomes.length} times`);
    if (outcomes.includes('set-aside')) stats.setAside++;
    else if (outcomes.includes('restored')) stats.restored++;
    else stats.unnoticed++;
    if (!isRestored(kind)) return;
    for (const { found } of starts) {
      const mayReturn = damage.isTouched(POINTER_MAP_PAGE) || damage.name.startsWith('pages exchanged');
      for (const [key, value] of mayReturn ? found : []) {
        if (!model.values[kind].has(key as never) && value === getFormerValue(kind, key, value)) stats.returned++;
      }
      const wrong = findWrongValue(kind, found, model, mayReturn);
      if (wrong !== undefined) stats.faults.push(`${what}: a wrong value, ${wrong}`);
    }
    if (!outcomes.includes('restored') || damage.isOfLog) return;
    const { items, lost } = findLost(kind, starts.at(-1)!.found, model, damage);
    stats.readable += items.length;
    stats.saved += items.length - lost.length;
    if (lost.length > 0) {
      const example = String(lost[0]).slice(0, 30);
      stats.faults.push(`${what}: ${lost.length} of ${items.length} readable items are lost, such as ${example}`);
    }
  } catch (error) {
    const isNewer = error instanceof DiskCacheError && error.code === 'UNSUPPORTED_VERSION' && damage.mayBeNewer;
    if (isNewer) stats.mayBeNewer++;
    else stats.faults.push(`${what}: ${error instanceof Error ? error.stack : String(error)}`);
  }
}

const [count = 0, seed = 0] = process.argv.slice(2).map(Number);
const only = process.argv.find((argument) => argument.startsWith('--only='))?.slice('--only='.length);
const root = mkdtempSync(join(tmpdir(), 'deskcache-starts-'));
try {
  const models = MODEL_NAMES.map((name) => createModel(root, name));
  for (let nth = 0; nth < count; nth++) {
    if (only !== undefined && nth !== Number(only)) continue;
    const directory = mkdtempSync(join(root, 'host-'));
    runOnce(models[nth % models.length]!, directory, seed, nth);
    if (process.env['KEEP'] === undefined) rmSync(directory, { recursive: true });
  }
} finally {
  if (process.env['KEEP'] === undefined) rmSync(root, { recursive: true, force: true });
}
process.stdout.write(JSON.stringify(stats));
