import { dirname } from 'node:path';
import { DiskCacheError } from '../../../protocol/error.ts';
import type { CacheOptions } from '../../../protocol/options.ts';
import { logPages, logReserve } from '../policy/budget.ts';
import { openDatabase } from '../sqlite/open.ts';
import { type Statements, statementsOf } from '../sqlite/statements.ts';
import type { CodecSettings } from '../values/codec.ts';
import { FileStore } from '../values/file-store.ts';
import { isRecord } from './arguments.ts';
import type { Core } from './core.ts';
import { Ledger } from './ledger.ts';
import { Memory } from './memory.ts';
import { Outlook } from './others.ts';
import {
  chosenSettings,
  keptSettings,
  SETTING_NAMES,
  type Settings,
  settingColumn,
  settledSettings,
  type Usage,
  usageOf,
} from './settings.ts';
import { Stamps } from './stamps.ts';
import { atomically, Transaction } from './transaction.ts';
import { Uses } from './uses.ts';

/**
 * Opens a directory as a store. Options are checked before anything is created, and settings that are new are kept; when
 * nothing is new, nothing is written.
 */
export function openCore(directory: string, options: CacheOptions): Core {
  if (!isRecord(options)) throw new DiskCacheError('BAD_OPTION', 'the options of a cache have to be an object');
  const chosen = chosenSettings(options);
  const usage = usageOf(options);
  const connection = openDatabase(directory, usage);
  try {
    const sql = statementsOf(connection);
    const kept = keptSettings(sql.settings.all());
    const settings = settledSettings(kept, chosen);
    const path = dirname(connection.path);
    const core: Core = {
      directory: path,
      connection,
      sql,
      usage,
      clock: usage.clock,
      files: new FileStore(path, settings.durability),
      ledger: new Ledger(),
      memory: new Memory(usage.memory),
      uses: new Uses(),
      outlook: new Outlook(),
      stamps: new Stamps(),
      transaction: new Transaction(),
      pageSize: Number(connection.pragma('page_size')),
      settings,
      codec: codecSettings(settings, kept, usage, path),
    };
    core.uses.follow(settings);
    connection.pragma(`wal_autocheckpoint = ${logPages(settings.sizeLimit)}`);
    connection.pragma(`journal_size_limit = ${logReserve(settings.sizeLimit)}`);
    connection.pragma(`synchronous = ${settings.durability === 'power' ? 'FULL' : 'NORMAL'}`);
    if (!usage.readOnly) keep(core, sql, kept, chosen);
    return core;
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** Invariant: one transaction at most. */
function keep(core: Core, sql: Statements, kept: Partial<Settings>, chosen: Partial<Settings>): void {
  const fresh = SETTING_NAMES.filter((name) => chosen[name] !== undefined && chosen[name] !== kept[name]);
  if (fresh.length === 0) return;
  atomically(core, () => {
    for (const name of fresh) sql.keepSetting.run(name, settingColumn(core.settings[name]));
  });
}

/** @throws {DiskCacheError} `BAD_OPTION` when the directory's values were written by a codec that was not handed in. */
function codecSettings(settings: Settings, kept: Partial<Settings>, usage: Usage, path: string): CodecSettings {
  const { codec = settings.codec } = usage;
  if (kept.codec !== undefined && kept.codec !== settings.codec) {
    throw new DiskCacheError(
      'BAD_OPTION',
      `${path} holds values of the codec "${kept.codec}", not "${settings.codec}"`,
    );
  }
  if (codec === 'structured' || codec === 'json' || typeof codec === 'object')
    return { codec, compression: settings.compression };
  throw new DiskCacheError(
    'BAD_OPTION',
    `${path} holds values of the codec "${codec}"; hand that codec in as an option`,
  );
}
