import { DiskCacheError } from '../../../protocol/error.ts';
import type { Configuration } from '../../../protocol/options.ts';
import { areSettingsLost } from '../backup/damaged-tables.ts';
import { getCheckpointPages, getWalReserveBytes } from '../space/policy.ts';
import { CREATE_TAG_INDEX } from '../sqlite/file-format.ts';
import type { Core } from '../state/core.ts';
import {
  type OpenOptions,
  parseSettings,
  readStoredSettings,
  resolveSettings,
  SETTING_NAMES,
  type SettingName,
  type StoreSettings,
  toSettingColumn,
} from '../state/settings.ts';
import { isRecord } from '../validate.ts';
import type { CodecSettings } from '../values/codec.ts';
import { assertCompression } from '../values/codec.ts';
import { FileStore } from '../values/file-store.ts';
import { inWriteTransaction } from './transaction.ts';

export type { Configuration } from '../../../protocol/options.ts';

/**
 * Changes settings permanently: for this process at once, for others when they next check for changes.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for an illegal value, an option that belongs to opening, or a named shard, which has the
 * settings of its FanoutCache; nothing is changed.
 */
export function configure(core: Core, options: Configuration): void {
  core.space.assertConfigurable(core);
  updateSettings(core, options);
}

/** `configure`, also for a shard: the FanoutCache gives all of them the same settings. */
export function updateSettings(core: Core, options: Configuration): void {
  if (!isRecord(options)) throw new DiskCacheError('BAD_OPTION', 'configure takes an object of options');
  if (core.transaction.depth > 0)
    throw new DiskCacheError('BAD_OPTION', 'configure was called inside a transaction; call it after');
  const requested = parseSettings(options);
  for (const name in options) {
    if (name !== 'codec' && Object.hasOwn(core.settings, name)) continue;
    throw new DiskCacheError(
      'BAD_OPTION',
      `${name} is chosen when a cache is opened and can't be changed by configure`,
    );
  }
  const settings = resolveSettings(core.settings, requested);
  assertCompression(settings.compression);
  persistSettings(core, core.settings, requested);
  applySettings(core, settings);
}

/** Writes new settings to disk. Invariant: one transaction at most, and none if nothing is new. */
export function persistSettings(core: Core, stored: Partial<StoreSettings>, requested: Partial<StoreSettings>): void {
  const changed = SETTING_NAMES.filter((name) => requested[name] !== undefined && requested[name] !== stored[name]);
  if (changed.length === 0) return;
  inDurableTransaction(core, () => {
    for (const name of changed)
      core.sql.upsertSetting.run(name, toSettingColumn(requested[name] as StoreSettings[SettingName]));
    if (changed.includes('tagIndex')) core.connection.execute(requested.tagIndex ? CREATE_TAG_INDEX : DROP_TAG_INDEX);
    core.sql.count.run(1, 'settings');
    core.settingsRevision = core.sql.counter.first('settings')?.[0] ?? 0;
  });
}

const DROP_TAG_INDEX = 'DROP INDEX IF EXISTS entry_tag';

/**
 * Runs `work` in a transaction that is synced to disk when this returns, whatever the durability of the store: settings are chosen
 * once and relied on for years. Outside of transactions.
 */
export function inDurableTransaction<T>(core: Core, work: () => T): T {
  const { connection, settings } = core;
  connection.setSynchronous('FULL');
  try {
    return inWriteTransaction(core, work);
  } finally {
    connection.setSynchronous(getSynchronousLevel(settings));
  }
}

const getSynchronousLevel = ({ durability }: StoreSettings) => (durability === 'power' ? 'FULL' : 'NORMAL');

/** Applies settings. Outside of transactions: SQLite changes `synchronous` only there. */
export function applySettings(core: Core, settings: StoreSettings): void {
  const { connection, pageSize, limitShare } = core;
  const share = settings.sizeLimit * limitShare;
  connection.pragma(`wal_autocheckpoint = ${getCheckpointPages(share, pageSize)}`);
  connection.pragma(`journal_size_limit = ${getWalReserveBytes(share, pageSize)}`);
  connection.setSynchronous(getSynchronousLevel(settings));
  // Without it macOS leaves what was synced in the cache of the drive (https://sqlite.org/pragma.html#pragma_fullfsync).
  for (const pragma of ['fullfsync', 'checkpoint_fullfsync']) {
    connection.pragma(`${pragma} = ${settings.durability === 'power' ? 'ON' : 'OFF'}`);
  }
  if (settings.durability !== core.settings.durability) core.files = new FileStore(core.directory, settings.durability);
  core.codec = { codec: core.codec.codec, compression: settings.compression };
  core.settings = settings;
  const { tracksReads } = core.accessBuffer;
  core.accessBuffer.configure(settings);
  // What was read from a journal may have another id in memory than its row, and from now on reads count by id.
  if (core.accessBuffer.tracksReads && !tracksReads) core.memoryCache.clear();
  const counts = core.rowStats.getCounts();
  core.rowStats.invalidate();
  core.rowStats.restoreCounts(counts);
}

/** Applies the settings that another process has changed. */
export function reloadSettings(core: Core): void {
  const revision = core.sql.counter.first('settings')?.[0] ?? 0;
  if (revision === core.settingsRevision) return;
  const rows = core.sql.settings.all();
  // The current settings stay, and `check` reports the loss.
  if (areSettingsLost(rows, revision)) return;
  core.settingsRevision = revision;
  applySettings(core, resolveSettings(readStoredSettings(rows), {}));
}

/** @throws {DiskCacheError} `BAD_OPTION` if the directory's values were written by a codec that was not passed as an option. */
export function resolveCodec(
  settings: StoreSettings,
  stored: Partial<StoreSettings>,
  openOptions: OpenOptions,
  path: string,
): CodecSettings {
  const { codec = settings.codec } = openOptions;
  if (stored.codec !== undefined && stored.codec !== settings.codec) {
    throw new DiskCacheError(
      'BAD_OPTION',
      `${path} holds values of the codec "${stored.codec}", not "${settings.codec}"; open it with that codec, or choose another directory`,
    );
  }
  if (codec === 'structured' || codec === 'json' || typeof codec === 'object') {
    return { codec, compression: settings.compression };
  }
  throw new DiskCacheError('BAD_OPTION', `${path} holds values of the codec "${codec}"; pass that codec as an option`);
}
