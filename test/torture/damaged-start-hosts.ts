import { cpSync, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { decodeKey } from '../../main/engine/values/key.ts';
import type { Key } from '../../protocol/key.ts';
import { defineStores } from '../../protocol/stores.ts';
import { type DamagedHost, openHost, stores } from '../damage/damaged-host.ts';

/** The stores of a host that are damaged, as folders below its directory. */
export const KINDS = ['notes', 'log', 'prefs', '_queues/mail', 'pages', 'images', '_windows'] as const;
export type DamagedKind = (typeof KINDS)[number];
export type RestoredKind = Extract<DamagedKind, 'notes' | 'log' | 'prefs' | '_queues/mail'>;

export const isRestored = (kind: DamagedKind): kind is RestoredKind => KINDS.indexOf(kind) < 4;

const ITEMS = 150;
/** What an item held before it was deleted. */
export function getFormerValue(kind: RestoredKind, key: unknown, value: unknown): unknown {
  if (kind === 'notes') return toText(Number(String(key).slice('key '.length)));
  if (kind === '_queues/mail') return toText(Number(key) - 1);
  return kind === 'log' && Array.from({ length: ITEMS }, (_, n) => toText(n)).includes(String(value))
    ? value
    : undefined;
}

/** On its page, on overflow pages, or in a file. */
const toText = (n: number): string => {
  if (n % 40 === 11) return `file ${n} `.repeat(5000);
  return n % 15 === 3 ? `long ${n} `.repeat(800) : `value ${n} ${'x'.repeat(n % 200)}`;
};

/** Where the row of an item is, as SQLite says. */
interface ItemPlace {
  readonly key: Key;
  /** The leaf page, and the overflow pages. */
  readonly pages: readonly number[];
  readonly file: string | undefined;
}

/** An undamaged host on disk. */
export interface HostModel {
  readonly directory: string;
  readonly name: string;
  readonly places: Readonly<Record<RestoredKind, readonly ItemPlace[]>>;
  /** The right values by key: of the queue by job; of the deque by position. */
  readonly values: Readonly<Record<RestoredKind, ReadonlyMap<Key, unknown>>>;
}

export const MODEL_NAMES = ['closed', 'with free pages', 'killed'] as const;

/** Fills a host. `killed` is a copy of an open one, with what is in its logs and journals. */
export function createModel(root: string, name: (typeof MODEL_NAMES)[number]): HostModel {
  const directory = join(root, name);
  const source = name === 'killed' ? `${directory} open` : directory;
  const host = openHost(source);
  fill(host);
  if (name === 'with free pages') deleteSome(host);
  if (name === 'killed') {
    host.close();
    const open = openHost(source);
    addMore(open);
    cpSync(source, directory, { recursive: true });
    open.close();
  } else host.close();
  const places = readPlaces(directory, join(root, `${name} copy`));
  return { directory, name, places, values: readValues(directory, join(root, `${name} read`)) };
}

function fill({ stores: { notes, log, prefs, pages, images }, queues, windows }: DamagedHost): void {
  for (let n = 0; n < ITEMS; n++) {
    notes.set(`key ${n}`, toText(n));
    log.push(toText(n));
    pages.set(`key ${n}`, toText(n));
    images.set(`key ${n}`, toText(n));
    queues.find('mail').enqueue(toText(n), n % 5 === 0 ? { delay: 1_000_000 } : {});
  }
  prefs.set('theme', 'dark');
  prefs.set('zoom', 2);
  windows.attach('main', 'persistent').open().set('panel', 'x'.repeat(5000));
}

function deleteSome({ stores: { notes, log }, queues }: DamagedHost): void {
  for (let n = 0; n < ITEMS; n += 3) notes.delete(`key ${n}`);
  for (let n = 0; n < ITEMS / 2; n++) log.shift();
  for (let id = 1; id < ITEMS / 2; id++) queues.find('mail').remove(id);
}

function addMore({ stores: { notes, log }, queues }: DamagedHost): void {
  for (let n = 0; n < 40; n++) {
    notes.set(`added ${n}`, `added ${n}`);
    log.push(`added ${n}`);
  }
  queues.find('mail').enqueue('added');
}

const RESTORED = KINDS.filter(isRestored);

function readPlaces(directory: string, copy: string): HostModel['places'] {
  cpSync(directory, copy, { recursive: true });
  const places = RESTORED.map((kind) => [kind, readStorePlaces(join(copy, kind))] as const);
  return Object.fromEntries(places) as Record<RestoredKind, ItemPlace[]>;
}

/** A page of the table of items: a leaf with this number of rows, or an overflow page of one. */
type StatRow = readonly [page: number, path: string, type: string, cells: number];

function readStorePlaces(directory: string): ItemPlace[] {
  const database = new Database(join(directory, 'cache.db'));
  const rows = database.prepare('SELECT key, file FROM entry ORDER BY id').raw().all() as [never, string | null][];
  const stats = database
    .prepare("SELECT pageno, path, pagetype, ncell FROM dbstat WHERE name = 'entry' ORDER BY path")
    .raw()
    .all() as StatRow[];
  database.close();
  const overflow = new Map<string, number[]>();
  for (const [page, path, type] of stats) {
    if (type !== 'overflow') continue;
    const cell = path.slice(0, path.indexOf('+'));
    overflow.set(cell, [...(overflow.get(cell) ?? []), page]);
  }
  const places = stats
    .filter(([, , type]) => type === 'leaf')
    .flatMap(([page, path, , cells]) =>
      Array.from({ length: cells }, (_, cell) => [
        page,
        ...(overflow.get(path + cell.toString(16).padStart(3, '0')) ?? []),
      ]),
    );
  if (places.length !== rows.length) throw new Error(`${directory}: ${places.length} places of ${rows.length} rows`);
  return rows.map(([key, file], nth) => ({ key: decodeKey(key), pages: places[nth]!, file: file ?? undefined }));
}

function readValues(directory: string, copy: string): HostModel['values'] {
  cpSync(directory, copy, { recursive: true });
  const host = openHost(copy);
  try {
    const { notes, log, prefs } = host.stores;
    const mail = host.queues.find('mail');
    const jobs = (['ready', 'delayed'] as const).flatMap((state) => [...mail.jobs(state)]);
    return {
      notes: new Map(notes),
      // The first position is 0, or what was shifted since.
      log: new Map([...log].map((value, nth) => [nth, value])),
      prefs: new Map(Object.entries(prefs.all())),
      '_queues/mail': new Map(jobs.map(({ id, payload }) => [id, payload])),
    };
  } finally {
    host.close();
  }
}

/** Declares one store, so that a start opens no more than that. */
export function openOnly(directory: string, kind: DamagedKind): DamagedHost {
  const declared = Object.hasOwn(stores, kind) ? { [kind]: stores[kind as keyof typeof stores] } : {};
  const host = openHost(directory, {}, defineStores(declared));
  if (kind === '_queues/mail') host.queues.find('mail');
  return host;
}

/** The folders of a store that have a database. */
export function listDatabaseFolders(directory: string): string[] {
  const found = existsSync(join(directory, 'cache.db')) ? [directory] : [];
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (entry.isDirectory() && entry.name !== 'values') found.push(...listDatabaseFolders(join(directory, entry.name)));
  }
  return found;
}
