import { randomUUID } from 'node:crypto';
import { DiskCacheError } from '../../../protocol/error.ts';
import type { Key } from '../../../protocol/key.ts';
import type { Change, ChangeKind } from '../../../protocol/options.ts';
import type { Sealing } from '../sealing/sealing.ts';
import type { Clock } from '../space/policy.ts';
import { removeView } from '../sqlite/busy-retry.ts';
import type { Column, Connection } from '../sqlite/connection.ts';
import type { Statements } from '../sqlite/statements.ts';
import type { CodecSettings } from '../values/codec.ts';
import type { FileStore, StagedFile } from '../values/file-store.ts';
import type { KeyColumn } from '../values/key.ts';
import type { KeyFilter, KeyId } from '../values/key-filter.ts';
import type { MemoryCache } from './memory-cache.ts';
import type { AccessBuffer, RowCounts, RowStats } from './row-stats.ts';
import type { OpenOptions, StoreSettings } from './settings.ts';
import type { WriteJournal } from './write-journal.ts';

/** A millisecond holds this many stamps; epoch milliseconds plus twelve binary digits are exact in a double until 2248. */
const TIMESTAMPS_PER_MS = 4096;

/**
 * Times to store: those of the clock, with a fraction that orders events within one millisecond, so that "least recently" is defined
 * even when the clock stands still.
 */
export class MonotonicTimestamps {
  #last = Number.NEGATIVE_INFINITY;

  /** Returns the next timestamp without reading the clock: the order is exact, the time is that of the last `from`. */
  next(): number {
    this.#last += 1 / TIMESTAMPS_PER_MS;
    return this.#last;
  }

  /** Returns a timestamp for the current time. */
  from(now: number): number {
    this.#last = Math.floor(this.#last) === Math.floor(now) ? Math.max(now, this.#last + 1 / TIMESTAMPS_PER_MS) : now;
    return this.#last;
  }
}

/** A write that needs space. */
export interface IncomingWrite {
  /** Bytes it takes of the limit. */
  readonly cost: number;
  readonly key: KeyColumn;
  readonly staged: StagedFile | undefined;
}

/**
 * Keeps stores within a size limit and tidies up their files: all that the verbs need to know about bytes on disk. A single store
 * has one of its own, the shards of a FanoutCache share one.
 */
export interface SpaceManager {
  /** Stored times, comparable between all stores of the limit. */
  readonly timestamps: MonotonicTimestamps;
  /**
   * Returns the id of a new item, behind the ids of all stores of the limit: a whole number that grows with time. Undefined where SQLite
   * chooses it.
   */
  readonly nextInsertId: ((last: number, now: number) => number) | undefined;
  join(store: Core): void;
  /** Ends what `join` and `afterCommit` have begun. */
  leave(store: Core): void;
  /** @throws {DiskCacheError} `BAD_OPTION` for a store whose settings are those of a FanoutCache. */
  assertConfigurable(store: Core): void;
  /** Returns the largest item that fits under the limit if everything else is evicted. */
  getMaxItemBytes(store: Core): number;
  /** Before a write, outside of transactions. @throws {DiskCacheError} `BUSY` while a reader makes the WAL grow without bound. */
  beforeWrite(store: Core): void;
  /** True if these bytes can be written without `reserve`; they are charged with `charge`. */
  hasAllowance(store: Core, bytes: number): boolean;
  /**
   * Measures again how much may be written without `reserve`, if there is certainly enough space. A journal stays as it is: `reserve` needs a write
   * transaction, which applies it.
   */
  remeasure(store: Core): void;
  /** Counts bytes that are written. */
  charge(store: Core, bytes: number): void;
  /**
   * Charges a write after making space for it: deletes expired items and, at the limit, evicts others in the order of the policy,
   * never the item that is replaced. Inside a write transaction.
   *
   * @throws {DiskCacheError} `DISK_FULL` when the policy evicts nothing.
   */
  reserve(store: Core, write: IncomingWrite, now: number): void;
  /** After each commit, also of a single statement. */
  afterCommit(store: Core): void;
  /** When nothing was written for a while. */
  onIdle(store: Core): void;
  /** After a mass deletion: gives free pages back to the disk. After that of a page, on a timer in small steps, which remove marked rows first. */
  vacuum(store: Core): void;
  /** Evicts, in the order of the policy, what is over the limit; returns how many items. */
  cull(store: Core): number;
}

/** How a store takes part in a size limit. */
export interface SizeLimitMembership {
  readonly space: SpaceManager;
  /** The part of the limit, above 0 and up to 1, that the store's WAL and pages are sized for. */
  readonly limitShare: number;
}

/** Returns the bytes that the store's WAL and pages are sized for: for a store of its own, the limit. */
export const getLimitShareBytes = ({ settings, limitShare }: Core): number => settings.sizeLimit * limitShare;

export type Action = () => void;

/** The open transaction of a connection: how deep it is nested, and what has to follow its end. */
export class TransactionState {
  depth = 0;
  /** True while the open transaction is only in memory: it becomes a record of the journal, or one of SQLite if it has to. */
  isDeferred = false;
  /** True once this transaction has checked for changes of other connections before it. */
  hasCheckedExternalChanges = false;
  /** What is known of the rows if the transaction is rolled back before its commit has begun. */
  countsBefore: RowCounts | undefined;
  /** Whether there are listeners; undefined until it was checked in this transaction. */
  isLogged: boolean | undefined;
  /** Runs after every commit, also of a single statement, while there are listeners. */
  onCommit: Action | undefined;
  /** Run in order after the outermost commit: deleting files that no row names any more, dispatching changes. */
  readonly afterCommit: Action[] = [];
  /** Run in order after a rollback: deleting files that were written for it. */
  readonly afterRollback: Action[] = [];
}

/** When this store last checked for changes of other connections. */
export class ExternalChanges {
  isCheckedThisTurn = false;
  checkedAt = 0;
  /** True if a write or a wait of this thread has ended the snapshot in this turn, and nothing was read since. */
  isCut = false;
  isEndQueued = false;
  /** Ends the snapshot at a write or a wait of this thread; one function for all of them. */
  readonly cut: () => void;
  /** Ends the snapshot at the end of a turn, as a microtask; one function for all turns. */
  readonly endTurn: () => void;

  constructor({ snapshot }: Connection) {
    const end = () => {
      this.isCheckedThisTurn = false;
      removeView(this.cut);
      snapshot.releaseQuietly();
    };
    this.cut = () => {
      this.isCut = true;
      end();
    };
    this.endTurn = () => {
      this.isEndQueued = false;
      this.isCut = false;
      end();
    };
  }
}

/** What one open store knows about time. */
export class ClockState {
  /** The latest time that was seen, here or by another process that has written to the store. */
  latest = Number.NEGATIVE_INFINITY;
  /** The latest time that is on disk. */
  marked = Number.NEGATIVE_INFINITY;
  /** How often times on disk were corrected: times read before are no longer valid. */
  corrections = 0;
  /** How far the clock was set back, until times on disk are corrected: readers continue with the time from before. */
  behindMs = 0;
  retryAt = Number.NEGATIVE_INFINITY;
  isCorrecting = false;
}

export type ChangeListener = (change: Change) => void;

/** Returns the value of a live item, or undefined. Doesn't count as a use of the item. */
export type ReadLive = (key: Key) => { readonly value: unknown } | undefined;

export interface ChangeSubscription {
  readonly listener: ChangeListener;
  readonly filter: KeyFilter;
  /** Reads the values of changes; undefined for a subscription without values. */
  readonly read: ReadLive | undefined;
  /** For a subscription to exact keys with values: the value that it received last for each key. */
  readonly known: Map<KeyId, unknown> | undefined;
  /** Called when the store is closed. */
  readonly onEnd: (() => void) | undefined;
  /** Whether it has ended, perhaps by a listener that was called just before. */
  hasEnded: boolean;
}

/**
 * Delivers changes to listeners, in the order of their commits, from the log on disk. A store's own changes are read right after each
 * commit, those of other processes when `data_version` has changed.
 */
export class ChangeFeed {
  readonly subscriptions = new Set<ChangeSubscription>();
  readonly id = randomUUID();
  lastChangeId = 0;
  dataVersion = -1;
  renewAt = 0;
  timer: NodeJS.Timeout | undefined;
  isDispatching = false;
  /** True if dispatching has failed, so that logged changes may be left. */
  isBehind = false;
  /** Changes in the write journal that are not dispatched yet. They are not in the log, neither now nor when they are applied. */
  readonly journaled: JournaledChange[] = [];
}

/** A change that was appended to the write journal, as listeners are told of it. */
export interface JournaledChange {
  readonly kind: ChangeKind;
  readonly key: KeyColumn;
}

/** Counters and timers for checkpoints, vacuum, ballast and the removal of files. */
export class Maintenance {
  writes = 0;
  /** Bytes stored since the WAL size was last checked. */
  bytesSinceCheck = 0;
  /** Bytes stored since it was last checked how far the WAL is ahead of the database. */
  bytesSinceGrowthCheck = 0;
  /** Bytes of the ballast at the last check. */
  ballastBytes = 0;
  /** `writes` when the idle timer last fired. */
  writesAtTimer = 0;
  idleTimer: NodeJS.Timeout | undefined;
  /** Removes rows that are marked as deleted. */
  sweepTimer: NodeJS.Timeout | undefined;
  /** Starts the next garbage collection. */
  garbageTimer: NodeJS.Timeout | undefined;
  /** True while a reader blocks checkpoints and the WAL has grown too long. */
  checkpointBlocked = false;
  /** Replaced value files of this process that wait to be removed, and their bytes. */
  replacedFiles = 0;
  replacedBytes = 0;
  /** When they may be removed next, unless there are too many. */
  nextRemovalAt = 0;
}

export interface FileIdentity {
  readonly device: number;
  readonly inode: number;
}

interface CompanionFile {
  readonly path: string;
  readonly identity: FileIdentity;
}

/** The files that were opened, and when to check next that they are still in place. */
export interface OpenedFiles {
  readonly path: string;
  readonly database: FileIdentity | undefined;
  /** The log and the shared memory; an exclusive store has no shared memory. */
  readonly companions: readonly CompanionFile[];
  /** Bytes of the database file at the last check. */
  databaseBytes: number;
  nextCheckAt: number;
  nextFullCheckAt: number;
  dataVersion: number;
  schemaVersion: number;
}

/** An exclusive right among all processes and threads that share a directory. */
export interface Lease {
  /** Ends the lease, which is renewed until then as long as the event loop turns. */
  release(): void;
}

/** What the verbs of one open store work on. */
export interface Core {
  readonly directory: string;
  readonly connection: Connection;
  readonly sql: Statements;
  readonly openOptions: OpenOptions;
  /** Now; see `cache/clock-correction.ts`. */
  readonly clock: Clock;
  readonly clockState: ClockState;
  readonly transaction: TransactionState;
  /** What this process knows about the rows without reading the disk. */
  readonly rowStats: RowStats;
  readonly memoryCache: MemoryCache;
  readonly accessBuffer: AccessBuffer;
  readonly externalChanges: ExternalChanges;
  readonly timestamps: MonotonicTimestamps;
  readonly changeFeed: ChangeFeed;
  readonly maintenance: Maintenance;
  /** Undefined for a store that other processes may open. */
  journal: WriteJournal | undefined;
  /** Replaced after a repair. */
  openedFiles: OpenedFiles;
  readonly leases: Set<Lease>;
  readonly pageSize: number;
  /** The kind of store in the directory. */
  kind: 'cache' | 'index' | 'deque';
  readonly space: SpaceManager;
  /** See `SizeLimitMembership`. */
  readonly limitShare: number;
  /** Settings and what follows from them; changed by `configure`, also of other processes. */
  settings: StoreSettings;
  /** The number of changes of the settings when they were read. */
  settingsRevision: number;
  /** What is stored beside the settings: the kind of a collection, its version, its greatest length. As it was last read or written here. */
  readonly metadata: Map<string, Column>;
  codec: CodecSettings;
  files: FileStore;
  /** Undefined for a store whose values aren't sealed. */
  sealing: Sealing | undefined;
}

/** What a store works on while it is open. Every public store holds one. */
export class OpenHandle<C> {
  readonly #name: string;
  readonly #release: (core: C) => void;
  #core: C | undefined;

  /** `name` says in messages which store was closed; `release` closes what the store is made of. */
  constructor(core: C, name: string, release: (core: C) => void) {
    this.#core = core;
    this.#name = name;
    this.#release = release;
  }

  /** @throws {DiskCacheError} `CLOSED` after `close`. */
  get core(): C {
    if (this.#core !== undefined) return this.#core;
    throw new DiskCacheError('CLOSED', `${this.#name} was closed; open it again`);
  }

  get isOpen(): boolean {
    return this.#core !== undefined;
  }

  /** @throws {DiskCacheError} `CLOSED` after `close`. */
  assertOpen(): void {
    this.core;
  }

  /** Closes the store. Closing again does nothing; when `release` throws, the store stays open. */
  close(): void {
    if (this.#core === undefined) return;
    this.#release(this.#core);
    this.#core = undefined;
  }
}
