import { dirname } from 'node:path';
import { DiskCacheError } from '../../../protocol/error.ts';
import type { CacheOptions, CollectionOptions } from '../../../protocol/options.ts';
import { restoreLostSettings } from '../backup/damaged-tables.ts';
import { runAndWarn } from '../diagnostics.ts';
import { Journal } from '../journal/journal.ts';
import { openSealing } from '../sealing/open-sealing.ts';
import type { Sealing } from '../sealing/sealing.ts';
import { closeDatabase } from '../space/close.ts';
import { removeReplaced } from '../space/delete-row.ts';
import { collectGarbage, repairIds } from '../space/garbage-collection.ts';
import { choosePageSize } from '../space/policy.ts';
import { OwnSizeLimit } from '../space/size-limit.ts';
import { recordFormat, recordOpenedFiles } from '../space/store-files.ts';
import { sweepIfNeeded } from '../space/sweep.ts';
import type { Column, Connection } from '../sqlite/connection.ts';
import { DEQUE_STATEMENTS } from '../sqlite/deque-statements.ts';
import { unlessCorrupt } from '../sqlite/errors.ts';
import { openDatabase } from '../sqlite/open-database.ts';
import { removeReplacement } from '../sqlite/replacement.ts';
import { createStatements, INSERT_ID_FUNCTION, type Statements } from '../sqlite/statements.ts';
import {
  ChangeFeed,
  ClockState,
  type Core,
  ExternalChanges,
  Maintenance,
  type SizeLimitMembership,
  TransactionState,
} from '../state/core.ts';
import { MemoryCache } from '../state/memory-cache.ts';
import { AccessBuffer, RowStats } from '../state/row-stats.ts';
import {
  isSettingName,
  type OpenOptions,
  parseOpenOptions,
  parseSettings,
  readStoredSettings,
  resolveSettings,
  type StoreSettings,
} from '../state/settings.ts';
import { createUnknownOptionError, isRecord } from '../validate.ts';
import { assertCompression, type CodecSettings } from '../values/codec.ts';
import { VALUES_FOLDER } from '../values/file-io.ts';
import { FileStore } from '../values/file-store.ts';
import { clearDeadListeners, stopChangeFeed } from './change-feed.ts';
import { getTime, restoreLatestTime } from './clock-correction.ts';
import { applySettings, configure, persistSettings, resolveCodec } from './configure.ts';
import { addOpenStore, openUnlessOwned, removeOpenStore } from './exclusive-owners.ts';
import { releaseLeases } from './memoize.ts';
import { openRecovered } from './open-recovered.ts';
import { findStoredCount, storeCount } from './row-count.ts';
import { flushAllAccesses } from './stats.ts';
import { inWriteTransaction } from './transaction.ts';

export type HandleKind = 'cache' | 'fanout' | 'index' | 'deque' | 'settings';

declare const handleType: unique symbol;

/**
 * An open store as plain data, which can be posted to a worker or stored; `reopen` opens the same store there. Options that can't be
 * data are named in `required` and have to be passed again.
 */
export interface StoreHandle<Handle = unknown> {
  readonly kind: HandleKind;
  readonly directory: string;
  readonly options: Readonly<Record<string, unknown>>;
  /** Options that are functions or hold some: 'clock', 'codec', 'schema', or secret: 'encryptionKey'. */
  readonly required: readonly string[];
  /** For the compiler alone. */
  readonly [handleType]?: Handle;
}

/** Describes the options of the handle; those of the directory are stored there. */
export function describe<Handle>(
  kind: HandleKind,
  { directory, openOptions }: Core,
  extraOptions: object = {},
): StoreHandle<Handle> {
  const { memory, pageCache, exclusive, timeout, readOnly, workerThread, clock, codec, encryption } = openOptions;
  const required: string[] = [];
  if (clock !== Date.now) required.push('clock');
  if (typeof codec === 'object') required.push('codec');
  if (encryption !== undefined) required.push('encryptionKey');
  const chosen = pageCache === undefined ? {} : { pageCache };
  const options = { memory, ...chosen, exclusive, timeout, readOnly, workerThread, ...extraOptions };
  return { kind, directory, options, required };
}

/** Returns the name of a store's codec. */
export const getCodecName = ({ codec: { codec } }: Core): string => (typeof codec === 'string' ? codec : codec.name);

/**
 * Closes a store.
 *
 * @throws {DiskCacheError} `BAD_OPTION` inside a transaction; the store stays open.
 */
export function closeCore(core: Core): void {
  if (core.transaction.depth > 0) {
    throw new DiskCacheError('BAD_OPTION', `close was called inside a transaction on ${core.directory}; call it after`);
  }
  releaseLeases(core);
  stopChangeFeed(core);
  flushAllAccesses(core);
  const isApplied = core.journal?.close() ?? true;
  if (isApplied && core.maintenance.replacedFiles > 0) removeReplaced(core);
  core.space.leave(core);
  if (isApplied) storeCount(core);
  closeDatabase(core);
  removeOpenStore(core);
}

/** Refuses, by throwing, a directory that holds something else; before anything is written to it. */
export type AdmissionCheck = (sql: Statements, path: string) => void;

const COLLECTIONS: Readonly<Record<string, string>> = { index: 'Index', deque: 'Deque' };

/** A cache would expire and evict what a collection keeps permanently, and lose the order of a deque. */
function assertNotCollection(sql: Statements, path: string): void {
  const [, kind] = sql.settings.all().find(([name]) => name === 'kind') ?? [];
  if (kind === undefined) return;
  const name = COLLECTIONS[String(kind)];
  const advice = name === undefined ? 'update deskcache' : `open it with new ${name}(directory)`;
  throw new DiskCacheError(
    'BAD_OPTION',
    `${path} is of the kind ${kind}, not cache; ${advice}, or give another directory`,
  );
}

/** Returns the stored kind of a directory; one that becomes a collection stores it a little later. */
function getStoreKind(rows: readonly (readonly [name: string, value: unknown])[]): Core['kind'] {
  const [, kind] = rows.find(([name]) => name === 'kind') ?? [];
  return kind === 'index' || kind === 'deque' ? kind : 'cache';
}

/**
 * Returns the kind of store in a directory. Queues and settings are indexes.
 *
 * @throws {DiskCacheError} what opening it with `readOnly` throws.
 */
export function readStoreKind(directory: string): Core['kind'] {
  const options = { ...parseOpenOptions({ readOnly: true }), claim: VALUES_FOLDER, pageSize: choosePageSize(0) };
  const connection = openDatabase(directory, options);
  try {
    return getStoreKind(createStatements(connection, false).settings.all());
  } finally {
    connection.close();
  }
}

/**
 * Opens a store of any kind to copy it: with neither its codec nor the key of a sealed one, so its values can be checked, but not read. Throws
 * as `openCore`.
 */
export const openOpaque = (directory: string, options: CacheOptions): Core =>
  openCore(directory, { ...options, workerThread: false }, () => {}, undefined, false);

/**
 * Opens a directory as a store. Options are checked before anything is created; new settings are stored, and if there are none, nothing
 * is written.
 */
export function openCore(
  directory: string,
  options: CacheOptions,
  assertAdmissible: AdmissionCheck = assertNotCollection,
  membership: SizeLimitMembership = { space: new OwnSizeLimit(), limitShare: 1 },
  readsValues = true,
): Core {
  if (!isRecord(options)) throw new DiskCacheError('BAD_OPTION', 'the options of a cache have to be an object');
  const { nextInsertId } = membership.space;
  const requested = parseSettings(options);
  const openOptions = parseOpenOptions(options);
  const newSettings = resolveSettings({}, requested);
  assertCompression(newSettings.compression);
  const pageSize = choosePageSize(newSettings.sizeLimit * membership.limitShare);
  const { connection, sql } = openUnlessOwned(directory, openOptions.exclusive, () =>
    openRecovered(directory, { ...openOptions, claim: VALUES_FOLDER, pageSize }, nextInsertId !== undefined),
  );
  try {
    restoreLostSettings(connection, sql, openOptions.readOnly);
    assertAdmissible(sql, connection.path);
    const { readOnly, encryption } = openOptions;
    const opened = { connection, sql, directory: dirname(connection.path), readOnly };
    const sealing = readsValues ? openSealing(opened, encryption) : undefined;
    const { core, stored } = createCore(connection, sql, openOptions, requested, membership, { sealing, readsValues });
    if (nextInsertId !== undefined) {
      connection.defineFunction(INSERT_ID_FUNCTION, (last) => nextInsertId(Number(last), openOptions.clock()));
    }
    recordFormat(core);
    findStoredCount(core);
    restoreLatestTime(core);
    startStore(core, stored, requested);
    if (openOptions.exclusive) core.journal = new Journal(core);
    addOpenStore(core);
    return core;
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** Stands for the codec of a store whose values aren't read. */
const OPAQUE: CodecSettings = { codec: 'structured', compression: 'none' };

/** Creates the state of a store whose database is open. Returns also the settings that are stored there. */
function createCore(
  connection: Connection,
  sql: Statements,
  openOptions: OpenOptions,
  requested: Partial<StoreSettings>,
  { space, limitShare }: SizeLimitMembership,
  { sealing, readsValues }: { readonly sealing: Sealing | undefined; readonly readsValues: boolean },
): { readonly core: Core; readonly stored: Partial<StoreSettings> } {
  const rows = sql.settings.all();
  const stored = readStoredSettings(rows);
  const settings = resolveSettings(stored, requested);
  const path = dirname(connection.path);
  const core: Core = {
    directory: path,
    connection,
    sql,
    openOptions,
    clock: () => getTime(core),
    clockState: new ClockState(),
    rowStats: new RowStats(),
    memoryCache: new MemoryCache(openOptions.memory),
    accessBuffer: new AccessBuffer(),
    externalChanges: new ExternalChanges(connection),
    timestamps: space.timestamps,
    changeFeed: new ChangeFeed(),
    maintenance: new Maintenance(),
    journal: undefined,
    openedFiles: recordOpenedFiles(connection.path),
    leases: new Set(),
    transaction: new TransactionState(),
    pageSize: Number(connection.pragma('page_size')),
    space,
    limitShare,
    kind: getStoreKind(rows),
    settings,
    // If counters are damaged, the verbs that need them say so; `check` restores them.
    settingsRevision: unlessCorrupt(() => sql.counter.first('settings'))?.[0] ?? 0,
    metadata: new Map(rows.filter(([name]) => !isSettingName(name))),
    codec: readsValues ? resolveCodec(settings, stored, openOptions, path) : OPAQUE,
    files: new FileStore(path, settings.durability),
    sealing,
  };
  return { core, stored };
}

/** Applies settings and stores new ones. */
function startStore(core: Core, stored: Partial<StoreSettings>, requested: Partial<StoreSettings>): void {
  try {
    if (!core.openOptions.readOnly) {
      // If they can't be removed now, the next opening removes them.
      runAndWarn(core, () => clearDeadListeners(core));
      removeReplacement(core.directory);
      // If they can't be read now, every verb says so.
      unlessCorrupt(() => repairIds(core));
      persistSettings(core, stored, requested);
    }
    applySettings(core, core.settings);
    // Files that a process has left that ended before it removed them.
    if (!core.openOptions.readOnly) runAndWarn(core, () => removeReplaced(core));
    core.space.join(core);
    // Notices a clock that was set back since.
    core.clock();
    if (!core.openOptions.readOnly) collectGarbage(core);
    sweepIfNeeded(core);
  } catch (error) {
    // A write may have started a timer, which would find the connection closed.
    core.space.leave(core);
    throw error;
  }
}

type CollectionKind = 'index' | 'deque';

/** Pushed values are seldom read twice, so a deque has no memory cache. */
const DEFAULT_OPTIONS = { index: {}, deque: { memory: 0 } } as const satisfies Record<CollectionKind, CacheOptions>;

export type { CollectionOptions } from '../../../protocol/options.ts';

const SHARED_OPTIONS: ReadonlySet<string> = new Set([
  'clock',
  'codec',
  'compression',
  'durability',
  'encryptExisting',
  'encryptionKey',
  'exclusive',
  'fileThreshold',
  'memory',
  'pageCache',
  'previousEncryptionKey',
  'readOnly',
  'timeout',
  'workerThread',
] satisfies (keyof CollectionOptions)[]);

/** Options that the collections check themselves. */
const KIND_OPTIONS = {
  index: ['version', 'migrate', 'schema', 'from'],
  deque: ['maxLength'],
} as const satisfies Record<CollectionKind, readonly string[]>;

/** @throws {DiskCacheError} `BAD_OPTION` for options that are not an object. */
export function assertCollectionOptions(options: object): void {
  if (!isRecord(options)) throw new DiskCacheError('BAD_OPTION', 'the options of a collection have to be an object');
}

/** Nothing expires, nothing is evicted. */
const NEVER_EVICT = {
  sizeLimit: Number.POSITIVE_INFINITY,
  evictionPolicy: 'none',
  ttl: Number.POSITIVE_INFINITY,
} as const satisfies CacheOptions;

/**
 * Opens a directory as a collection. Its kind is stored, with `metadata`, when it becomes one; from then on no other kind can be opened
 * there. If two processes open it at once, the metadata of the first one counts.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for an unknown option and for a directory that holds something else, which stays
 * untouched; else what `Cache` throws.
 */
export function openCollection(
  kind: CollectionKind,
  directory: string,
  options: CollectionOptions,
  metadata: Readonly<Record<string, Column>>,
): Core {
  for (const name in options) {
    if (SHARED_OPTIONS.has(name)) continue;
    throw createUnknownOptionError(name, [...KIND_OPTIONS[kind], ...SHARED_OPTIONS]);
  }
  const core = openCore(directory, { ...DEFAULT_OPTIONS[kind], ...options, ...NEVER_EVICT }, (sql, path) =>
    isClaimed(sql, kind, path),
  );
  core.kind = kind;
  try {
    if (!isClaimed(core.sql, kind, core.directory)) claim(core, kind, options, metadata);
    return core;
  } catch (error) {
    closeCore(core);
    throw error;
  }
}

function claim(
  core: Core,
  kind: CollectionKind,
  options: CollectionOptions,
  metadata: Readonly<Record<string, Column>>,
) {
  if (core.openOptions.readOnly) {
    throw new DiskCacheError('NO_SUCH_STORE', `${core.directory} holds no ${kind} yet and readOnly creates nothing`);
  }
  configure(core, { durability: options.durability ?? 'power' });
  inWriteTransaction(core, () => {
    if (isClaimed(core.sql, kind, core.directory)) return;
    for (const [name, value] of Object.entries({ kind, ...metadata })) writeMetadata(core, name, value);
    if (kind === 'deque') DEQUE_STATEMENTS.dropKeyIndex(core.sql).run();
  });
}

/** A durable queue keeps its jobs in an index, so either may have been opened. */
const OPENER_NAMES: Readonly<Record<CollectionKind, string>> = { index: 'an index or a queue', deque: 'a deque' };

/** Returns whether the directory is of this kind already; false for an empty one. */
function isClaimed(sql: Statements, kind: CollectionKind, directory: string): boolean {
  const found = readMetadata(sql, 'kind') ?? (sql.dynamic('SELECT 1 FROM entry LIMIT 1').first() && 'cache');
  if (found === undefined || found === kind) return found === kind;
  throw new DiskCacheError(
    'BAD_OPTION',
    `${directory} holds a ${found}, and ${OPENER_NAMES[kind]} needs a directory of its own; give another one`,
  );
}

/** Stores a fact about a collection. Inside a write transaction. */
export function writeMetadata({ sql, metadata }: Core, name: string, value: Column): void {
  sql.upsertSetting.run(name, value);
  metadata.set(name, value);
}

/** Returns what is stored about a collection. */
export function readMetadata(sql: Statements, name: string): Column | undefined {
  return sql.dynamic<[Column]>('SELECT value FROM setting WHERE name = ?').first(name)?.[0];
}
