import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DiskCacheError } from '../../main/engine/index.ts';
import { createRandom } from '../crash/random-writes.ts';
import type { DamagedHost } from '../damage/damaged-host.ts';
import {
  createModel,
  type DamagedKind,
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

function write(host: DamagedHost, kind: DamagedKind): void {
  if (kind === 'notes') host.stores.notes.set('new', 'new');
  if (kind === 'log') host.stores.log.push('new');
  if (kind === 'prefs') host.stores.prefs.set('theme', 'new');
  if (kind === '_queues/mail') host.queues.find('mail').enqueue('new');
  if (kind === 'pages') host.stores.pages.set('new', 'new');
  if (kind === 'images') for (let n = 0; n < 20; n++) host.stores.images.set(`new ${n}`, 'new');
  if (kind === '_windows') host.windows.attach('main', 'persistent').open().set('new', 'new');
}

/** Starts the host and reads everything. Returns the outcomes that were reported. */
function start(directory: string, kind: DamagedKind): { readonly outcomes: string[]; readonly found: Map<unknown, unknown> } {
  const host = openOnly(directory, kind);
  try {
    const found = readAll(host, kind);
    return { outcomes: host.guard.reports.map(({ outcome }) => outcome), found };
  } finally {
    host.close();
  }
}

const DEFAULTS: ReadonlyMap<unknown, unknown> = new Map<unknown, unknown>([
  ['theme', 'light'],
  ['zoom', 1],
]);

function findWrongValue(kind: RestoredKind, found: ReadonlyMap<unknown, unknown>, { values }: HostModel): string | undefined {
  const right = values[kind];
  if (kind === 'log') {
    const known = new Set(right.values());
    const wrong = [...found.values()].find((value) => !known.has(value));
    return wrong === undefined ? undefined : String(wrong).slice(0, 40);
  }
  if (kind === 'prefs') {
    const wrong = [...found].find(
      ([key, value]) => key !== 'user' && value !== right.get(key as never) && value !== DEFAULTS.get(key),
    );
    return wrong && String(wrong);
  }
  const wrong = [...found].find(([key, value]) => value !== right.get(key as never));
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
    const first = start(directory, kind);
    const second = start(directory, kind);
    const host = openOnly(directory, kind);
    write(host, kind);
    const outcomes = [...first.outcomes, ...second.outcomes];
    if (outcomes.includes('set-aside')) stats.setAside++;
    else if (outcomes.includes('restored')) stats.restored++;
    else stats.unnoticed++;
    if (host.guard.reports.some(({ outcome }) => outcome !== 'noticed') && second.outcomes.length === 0) {
      stats.faults.push(`${what}: the third start repairs what the second had no reason to`);
    }
    host.close();
    if (!isRestored(kind)) return;
    for (const { found } of [first, second]) {
      const wrong = findWrongValue(kind, found, model);
      if (wrong !== undefined) stats.faults.push(`${what}: a wrong value, ${wrong}`);
    }
    if (!outcomes.includes('restored') || damage.isOfLog) return;
    const { items, lost } = findLost(kind, second.found, model, damage);
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
    rmSync(directory, { recursive: true });
  }
} finally {
  rmSync(root, { recursive: true, force: true });
}
process.stdout.write(JSON.stringify(stats));
