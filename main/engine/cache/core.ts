import type { Clock } from '../policy/expiry.ts';
import type { Connection } from '../sqlite/connection.ts';
import type { Statements } from '../sqlite/statements.ts';
import type { CodecSettings } from '../values/codec.ts';
import type { Ledger } from './ledger.ts';
import type { Settings, Usage } from './settings.ts';
import type { Stamps } from './stamps.ts';
import type { Transaction } from './transaction.ts';

/** What the verbs of one open store work on. */
export interface Core {
  readonly directory: string;
  readonly connection: Connection;
  readonly sql: Statements;
  readonly usage: Usage;
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly stamps: Stamps;
  readonly transaction: Transaction;
  settings: Settings;
  codec: CodecSettings;
}
