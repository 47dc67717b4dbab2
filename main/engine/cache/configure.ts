import { DiskCacheError } from '../../../protocol/error.ts';
import type { Configuration } from '../../../protocol/options.ts';
import { logPages, logReserve } from '../policy/budget.ts';
import { CREATE_TAG_INDEX } from '../sqlite/schema.ts';
import type { CodecSettings } from '../values/codec.ts';
import { assertCompression } from '../values/compression.ts';
import { FileStore } from '../values/file-store.ts';
import { isRecord } from './arguments.ts';
import type { Core } from './core.ts';
import {
  chosenSettings,
  keptSettings,
  SETTING_NAMES,
  type SettingName,
  type Settings,
  settingColumn,
  settledSettings,
  type Usage,
} from './settings.ts';
import { atomically } from './transaction.ts';

export type { Configuration } from '../../../protocol/options.ts';

/**
 * Changes settings for good, for this process at once, for others when they next look for changes.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for a value that is illegal, an option that belongs to opening, or a store that has the
 * settings of a whole; nothing is changed.
 */
export function configure(core: Core, options: Configuration): void {
  if (core.membership !== undefined) {
    throw new DiskCacheError(
      'BAD_OPTION',
      `${core.directory} is a named shard and has the settings of its FanoutCache; call configure of that`,
    );
  }
  change(core, options);
}

/** `configure`, also of a member of a whole, which sees to it that all have the same. */
export function change(core: Core, options: Configuration): void {
  if (!isRecord(options)) throw new DiskCacheError('BAD_OPTION', 'configure takes an object of options');
  if (core.transaction.depth > 0)
    throw new DiskCacheError('BAD_OPTION', 'configure was called inside a transaction; call it after');
  const chosen = chosenSettings(options);
  for (const name in options) {
    if (name !== 'codec' && Object.hasOwn(core.settings, name)) continue;
    throw new DiskCacheError(
      'BAD_OPTION',
      `${name} is chosen when a cache is opened and can't be changed by configure`,
    );
  }
  const settings = settledSettings(core.settings, chosen);
  assertCompression(settings.compression);
  keep(core, core.settings, chosen);
  adopt(core, settings);
}

/** Writes down what is new. Invariant: one transaction at most, and none when nothing is new. */
export function keep(core: Core, kept: Partial<Settings>, chosen: Partial<Settings>): void {
  const fresh = SETTING_NAMES.filter((name) => chosen[name] !== undefined && chosen[name] !== kept[name]);
  if (fresh.length === 0) return;
  durably(core, () => {
    for (const name of fresh) core.sql.keepSetting.run(name, settingColumn(chosen[name] as Settings[SettingName]));
    if (fresh.includes('tagIndex')) core.connection.execute(chosen.tagIndex ? CREATE_TAG_INDEX : DROP_TAG_INDEX);
    core.sql.count.run(1, 'settings');
    core.settingsEdition = core.sql.counter.first('settings')?.[0] ?? 0;
  });
}

const DROP_TAG_INDEX = 'DROP INDEX IF EXISTS entry_tag';

/**
 * Runs `work` in a transaction that is on the disk itself when this returns, whatever the durability of the store: what is
 * chosen once is relied on for years. Outside of transactions.
 */
export function durably(core: Core, work: () => void): void {
  const { connection, settings } = core;
  connection.pragma('synchronous = FULL');
  try {
    atomically(core, work);
  } finally {
    connection.pragma(synchronousFor(settings));
  }
}

const synchronousFor = ({ durability }: Settings): string =>
  `synchronous = ${durability === 'power' ? 'FULL' : 'NORMAL'}`;

/** Puts settings into force. Outside of transactions: SQLite changes `synchronous` only there. */
export function adopt(core: Core, settings: Settings): void {
  const { connection, pageSize, membership } = core;
  const share = settings.sizeLimit * (membership?.share ?? 1);
  connection.pragma(`wal_autocheckpoint = ${logPages(share, pageSize)}`);
  connection.pragma(`journal_size_limit = ${logReserve(share, pageSize)}`);
  connection.pragma(synchronousFor(settings));
  // Without it macOS leaves what was synced in the cache of the drive (https://sqlite.org/pragma.html#pragma_fullfsync).
  for (const pragma of ['fullfsync', 'checkpoint_fullfsync']) {
    connection.pragma(`${pragma} = ${settings.durability === 'power' ? 'ON' : 'OFF'}`);
  }
  if (settings.durability !== core.settings.durability) core.files = new FileStore(core.directory, settings.durability);
  core.codec = { codec: core.codec.codec, compression: settings.compression };
  core.settings = settings;
  core.uses.follow(settings);
  core.ledger.forget();
}

/** Takes over what another process has configured. */
export function followSettings(core: Core): void {
  const edition = core.sql.counter.first('settings')?.[0] ?? 0;
  if (edition === core.settingsEdition) return;
  core.settingsEdition = edition;
  adopt(core, settledSettings(keptSettings(core.sql.settings.all()), {}));
}

/** @throws {DiskCacheError} `BAD_OPTION` when the directory's values were written by a codec that was not handed in. */
export function codecFor(settings: Settings, kept: Partial<Settings>, usage: Usage, path: string): CodecSettings {
  const { codec = settings.codec } = usage;
  if (kept.codec !== undefined && kept.codec !== settings.codec) {
    throw new DiskCacheError(
      'BAD_OPTION',
      `${path} holds values of the codec "${kept.codec}", not "${settings.codec}"; open it with that codec, or choose another directory`,
    );
  }
  if (codec === 'structured' || codec === 'json' || typeof codec === 'object') {
    return { codec, compression: settings.compression };
  }
  throw new DiskCacheError(
    'BAD_OPTION',
    `${path} holds values of the codec "${codec}"; hand that codec in as an option`,
  );
}
