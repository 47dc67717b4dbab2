import type { Clock } from '../policy/expiry.ts';
import type { Connection } from '../sqlite/connection.ts';
import type { Statements } from '../sqlite/statements.ts';
import type { CodecSettings } from '../values/codec.ts';
import type { FileStore } from '../values/file-store.ts';
import type { Feed } from './feed.ts';
import type { Membership } from './household.ts';
import type { Lease } from './lease.ts';
import type { Ledger } from './ledger.ts';
import type { Memory } from './memory.ts';
import type { Outlook } from './others.ts';
import type { Settings, Usage } from './settings.ts';
import type { Stamps } from './stamps.ts';
import type { Standing } from './standing.ts';
import type { Timekeeper } from './timekeeping.ts';
import type { Transaction } from './transaction.ts';
import type { Upkeep } from './upkeep.ts';
import type { Uses } from './uses.ts';

/** What the verbs of one open store work on. */
export interface Core {
  readonly directory: string;
  readonly connection: Connection;
  readonly sql: Statements;
  readonly usage: Usage;
  /** Now; see `clock-set-back.ts`. */
  readonly clock: Clock;
  readonly time: Timekeeper;
  readonly transaction: Transaction;
  /** What this process knows or remembers besides the disk. */
  readonly ledger: Ledger;
  readonly memory: Memory;
  readonly uses: Uses;
  readonly outlook: Outlook;
  readonly stamps: Stamps;
  readonly feed: Feed;
  readonly upkeep: Upkeep;
  /** Another one after a repair. */
  standing: Standing;
  readonly leases: Set<Lease>;
  readonly pageSize: number;
  /** What the directory holds. */
  kind: 'cache' | 'index' | 'deque';
  /** Set where several stores live within one limit. */
  readonly membership: Membership | undefined;
  /** What follows from the settings; `configure` and other processes change it. */
  settings: Settings;
  /** How often the settings had been changed when these were read. */
  settingsEdition: number;
  codec: CodecSettings;
  files: FileStore;
}
