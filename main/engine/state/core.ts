import { randomUUID } from 'node:crypto';
import type { Change } from '../../../protocol/options.ts';
import type { Clock } from '../space/policy.ts';
import { removeView } from '../sqlite/busy-retry.ts';
import type { Column, Connection } from '../sqlite/connection.ts';
import type { Statements } from '../sqlite/statements.ts';
import type { CodecSettings } from '../values/codec.ts';
import type { FileStore, StagedFile } from '../values/file-store.ts';
import type { KeyBounds, KeyColumn } from '../values/key.ts';
import type { MemoryCache } from './memory-cache.ts';
import type { AccessBuffer, RowStats } from './row-stats.ts';
import type { OpenOptions, Settings } from './settings.ts';

/** A millisecond holds this many stamps; epoch milliseconds plus twelve binary digits are exact in a double until 2248. */
const TIMESTAMPS_PER_MS = 4096;

/**
 * Times that are stored: the clock's, with a fraction that orders what happens within one millisecond, so that "least
 * recently" has an answer even when the clock stands still.
 */
export class MonotonicTimestamps {
  #last = Number.NEGATIVE_INFINITY;

  /** The next one after the last, without asking the clock: order is exact, time as fresh as the last `at`. */
  next(): number {
    this.#last += 1 / TIMESTAMPS_PER_MS;
    return this.#last;
  }

  /** One for the clock's now. */
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
  /** After a mass deletion: gives free pages back to the disk. */
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
  /** Whether this transaction has looked for what others have written before it. */
  hasCheckedExternalChanges = false;
  /** Whether somebody listens, once that was asked for in this transaction. */
  isLogged: boolean | undefined;
  /** After every commit, also of a single statement: somebody listens. */
  onCommit: Action | undefined;
  /** In order, after the outermost commit: removing files that nobody names any more, telling listeners. */
  readonly afterCommit: Action[] = [];
  /** In order, after a rollback: removing files that were written for it. */
  readonly afterRollback: Action[] = [];
}

/** When this store last looked for what others have written. */
export class ExternalChanges {
  isCheckedThisTurn = false;
  checkedAt = 0;
  /** A write or a wait of this thread has ended the view in this turn, and nothing was read since. */
  isCut = false;
  isEndQueued = false;
  /** One function for all views: a write or a wait of this thread ends them. */
  readonly cut: () => void;
  /** One function for all turns: their microtasks end the view. */
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
  /** How often times on disk were put right: what was read from there before holds no more. */
  corrections = 0;
  /** How far the clock was set back, while times on disk have not been put right: readers go on from where they were. */
  behindMs = 0;
  retryAt = Number.NEGATIVE_INFINITY;
  isCorrecting = false;
}

export type ChangeListener = (change: Change) => void;

export interface ChangeSubscription {
  readonly listener: ChangeListener;
  readonly bounds: KeyBounds;
}

/**
 * What is told to listeners: everybody's changes, read from the log in the order in which they were committed. A store's own
 * are read right after each commit, others' when `data_version` has moved.
 */
export class ChangeFeed {
  readonly subscriptions = new Set<ChangeSubscription>();
  readonly id = randomUUID();
  lastChangeId = 0;
  dataVersion = -1;
  renewAt = 0;
  timer: NodeJS.Timeout | undefined;
  isDispatching = false;
}

/** What is to be done for the disk besides writing. */
export class Maintenance {
  writes = 0;
  /** Stored since the last look at the log. */
  bytesSinceCheck = 0;
  /** Stored since it was last looked how far the log is ahead of the database. */
  bytesSinceGrowthCheck = 0;
  /** Bytes of the reserve when it was last looked at. */
  ballastBytes = 0;
  /** `writes` when the timer last looked. */
  writesAtTimer = 0;
  idleTimer: NodeJS.Timeout | undefined;
  /** The next look for what killed writers have left behind. */
  garbageTimer: NodeJS.Timeout | undefined;
  /** A reader keeps the log from being emptied, and it has grown too long. */
  checkpointBlocked = false;
  /** Value files of this process that wait to be removed, and their bytes. */
  replacedFiles = 0;
  replacedBytes = 0;
  /** When they may be removed again before there are too many. */
  nextRemovalAt = 0;
}

export interface FileIdentity {
  readonly device: number;
  readonly inode: number;
}

export interface CompanionFile {
  readonly path: string;
  readonly identity: FileIdentity;
}

/** What was opened, and when it was last checked that it is still there. */
export interface OpenedFiles {
  readonly path: string;
  readonly database: FileIdentity | undefined;
  /** The log and the shared memory; an exclusive store has no shared memory. */
  readonly companions: readonly CompanionFile[];
  nextCheckAt: number;
  nextFullCheckAt: number;
  dataVersion: number;
  schemaVersion: number;
}

/** The right to do something alone, among all processes and threads that share a directory. */
export interface Lease {
  /** Until then it is renewed, as long as the event loop turns. */
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
  /** What this process knows or remembers besides the disk. */
  readonly rowStats: RowStats;
  readonly memoryCache: MemoryCache;
  readonly accessBuffer: AccessBuffer;
  readonly externalChanges: ExternalChanges;
  readonly timestamps: MonotonicTimestamps;
  readonly changeFeed: ChangeFeed;
  readonly maintenance: Maintenance;
  /** Another one after a repair. */
  openedFiles: OpenedFiles;
  readonly leases: Set<Lease>;
  readonly pageSize: number;
  /** What the directory holds. */
  kind: 'cache' | 'index' | 'deque';
  readonly space: SpaceManager;
  /** See `SizeLimitMembership`. */
  readonly limitShare: number;
  /** What follows from the settings; `configure` and other processes change it. */
  settings: Settings;
  /** How often the settings had been changed when these were read. */
  settingsRevision: number;
  /** What is stored beside the settings: the kind of a collection, its version, its greatest length. As it was last read or written here. */
  readonly metadata: Map<string, Column>;
  codec: CodecSettings;
  files: FileStore;
}
