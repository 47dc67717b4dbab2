import type { ChangeFeed } from '../cache/change-feed.ts';
import type { Lease } from '../cache/memoize.ts';
import type { ExternalChanges } from '../cache/read.ts';
import type { AccessBuffer } from '../cache/stats.ts';
import type { TransactionState } from '../cache/transaction.ts';
import type { ClockState, Maintenance } from '../space/maintenance.ts';
import type { Clock } from '../space/policy.ts';
import type { OpenedFiles } from '../space/store-files.ts';
import type { Connection } from '../sqlite/connection.ts';
import type { Statements } from '../sqlite/statements.ts';
import type { CodecSettings } from '../values/codec.ts';
import type { FileStore } from '../values/file-store.ts';
import type { KeyColumn } from '../values/key.ts';
import type { MemoryCache } from './memory-cache.ts';
import type { RowStats } from './row-stats.ts';
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

/** Several stores, each in a directory of its own, that live within one `sizeLimit`. */
export interface SizeGroup {
  /** Times that are stored, comparable between all members. */
  readonly timestamps: MonotonicTimestamps;
  join(member: Core): void;
  leave(member: Core): void;
  /**
   * Grants a member, inside its write transaction, so many bytes and some more that it need not ask for (`ledger.room`); lets
   * items of all members go for them when that is over, in the order of the policy, but not the one `spared`.
   *
   * @throws {DiskCacheError} `DISK_FULL` when the policy lets nobody go.
   */
  reserve(member: Core, incoming: number, spared: KeyColumn | null): void;
  /** Bytes of the limit that can't hold items. */
  getOverheadBytes(): number;
  /** Deletes, in the order of the policy, what of all members is over the limit; answers how many. */
  cull(): number;
  /** The place of a new item in the stored order of all: a whole number that grows with time, behind the last one of its store. */
  nextInsertId(last: number, now: number): number;
}

/** A store's part in a household. */
export interface GroupMembership {
  readonly group: SizeGroup;
  /** The part of the limit, above 0 and up to 1, that its log and its pages are cut to. */
  readonly limitShare: number;
}

/** The bytes that a store's log and pages are cut to: of a store of its own, the limit. */
export const getLimitShareBytes = ({ settings, membership }: Core): number =>
  settings.sizeLimit * (membership?.limitShare ?? 1);

/** What the verbs of one open store work on. */
export interface Core {
  readonly directory: string;
  readonly connection: Connection;
  readonly sql: Statements;
  readonly openOptions: OpenOptions;
  /** Now; see `clock-set-back.ts`. */
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
  /** Set where several stores live within one limit. */
  readonly membership: GroupMembership | undefined;
  /** What follows from the settings; `configure` and other processes change it. */
  settings: Settings;
  /** How often the settings had been changed when these were read. */
  settingsRevision: number;
  codec: CodecSettings;
  files: FileStore;
}
