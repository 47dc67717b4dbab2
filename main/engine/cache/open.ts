import { dirname } from 'node:path';
import { DiskCacheError } from '../../../protocol/error.ts';
import type { CacheOptions } from '../../../protocol/options.ts';
import { unlessCorrupt } from '../damage.ts';
import { pageSizeFor } from '../policy/budget.ts';
import { openDatabase } from '../sqlite/open.ts';
import { removeReplacement } from '../sqlite/replacement.ts';
import { PLACE_FUNCTION, type Statements, statementsOf } from '../sqlite/statements.ts';
import { assertCompression } from '../values/compression.ts';
import { VALUES_FOLDER } from '../values/file-layout.ts';
import { FileStore } from '../values/file-store.ts';
import { isRecord } from './arguments.ts';
import { tellTime } from './clock-set-back.ts';
import { adopt, codecFor, keep } from './configure.ts';
import type { Core } from './core.ts';
import { clearDeadListeners, Feed } from './feed.ts';
import type { Membership } from './household.ts';
import { mendIds } from './ids.ts';
import { Ledger } from './ledger.ts';
import { clearLeftovers } from './leftovers.ts';
import { Memory } from './memory.ts';
import { Outlook } from './others.ts';
import { removeReplaced } from './replaced-files.ts';
import { chosenSettings, keptSettings, type Settings, settledSettings, usageOf } from './settings.ts';
import { Stamps } from './stamps.ts';
import { Standing } from './standing.ts';
import { recallTime, Timekeeper } from './timekeeping.ts';
import { Transaction } from './transaction.ts';
import { Upkeep, withoutFailing } from './upkeep.ts';
import { Uses } from './uses.ts';

/** Refuses, by throwing, a directory that holds something else; before anything is written to it. */
export type Admission = (sql: Statements, path: string) => void;

const COLLECTIONS: Readonly<Record<string, string>> = { index: 'Index', deque: 'Deque' };

/** A cache would expire and evict what a collection keeps for good, and lose the order of a deque. */
function refuseCollection(sql: Statements, path: string): void {
  const [, kind] = sql.settings.all().find(([name]) => name === 'kind') ?? [];
  if (kind === undefined) return;
  const name = COLLECTIONS[String(kind)];
  const advice = name === undefined ? 'update deskcache' : `open it with new ${name}(directory)`;
  throw new DiskCacheError(
    'BAD_OPTION',
    `${path} is of the kind ${kind}, not cache; ${advice}, or give another directory`,
  );
}

/** What a directory says that it holds; one that becomes a collection says so a little later. */
function kindOf(rows: readonly (readonly [name: string, value: unknown])[]): Core['kind'] {
  const [, kind] = rows.find(([name]) => name === 'kind') ?? [];
  return kind === 'index' || kind === 'deque' ? kind : 'cache';
}

/**
 * Opens a directory as a store. Options are checked before anything is created, and settings that are new are kept; when
 * nothing is new, nothing is written.
 */
export function openCore(
  directory: string,
  options: CacheOptions,
  admit: Admission = refuseCollection,
  membership?: Membership,
): Core {
  if (!isRecord(options)) throw new DiskCacheError('BAD_OPTION', 'the options of a cache have to be an object');
  const chosen = chosenSettings(options);
  const usage = usageOf(options);
  const asked = settledSettings({}, chosen);
  assertCompression(asked.compression);
  const connection = openDatabase(directory, {
    ...usage,
    claim: VALUES_FOLDER,
    pageSize: pageSizeFor(asked.sizeLimit * (membership?.share ?? 1)),
  });
  try {
    const sql = statementsOf(connection, membership !== undefined);
    admit(sql, connection.path);
    const rows = sql.settings.all();
    const kept = keptSettings(rows);
    const settings = settledSettings(kept, chosen);
    const path = dirname(connection.path);
    const core: Core = {
      directory: path,
      connection,
      sql,
      usage,
      clock: () => tellTime(core),
      time: new Timekeeper(),
      ledger: new Ledger(),
      memory: new Memory(usage.memory),
      uses: new Uses(),
      outlook: new Outlook(connection),
      stamps: membership?.household.stamps ?? new Stamps(),
      feed: new Feed(),
      upkeep: new Upkeep(),
      standing: new Standing(connection.path),
      leases: new Set(),
      transaction: new Transaction(),
      pageSize: Number(connection.pragma('page_size')),
      membership,
      kind: kindOf(rows),
      settings,
      // Where counts are damaged, what needs them says so; `check` counts again.
      settingsEdition: unlessCorrupt(() => sql.counter.first('settings'))?.[0] ?? 0,
      codec: codecFor(settings, kept, usage, path),
      files: new FileStore(path, settings.durability),
    };
    if (membership !== undefined) {
      connection.define(PLACE_FUNCTION, (last) => membership.household.placeAfter(Number(last), usage.clock()));
    }
    core.standing.noticeFormat(core);
    recallTime(core);
    begin(core, kept, chosen);
    return core;
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** Puts settings into force and writes down what is new. */
function begin(core: Core, kept: Partial<Settings>, chosen: Partial<Settings>): void {
  try {
    if (!core.usage.readOnly) {
      // What can't be cleared away now is cleared away by the next opening.
      withoutFailing(core, () => clearDeadListeners(core));
      removeReplacement(core.directory);
      // If they can't be read now, every verb says so.
      unlessCorrupt(() => mendIds(core));
      keep(core, kept, chosen);
    }
    adopt(core, core.settings);
    // Those of a process that ended before it came to it.
    if (!core.usage.readOnly) withoutFailing(core, () => removeReplaced(core));
    core.membership?.household.join(core);
    // Notices a clock that was set back since.
    core.clock();
    if (!core.usage.readOnly) clearLeftovers(core);
  } catch (error) {
    // A write has been followed by a timer, which would find the connection closed.
    clearTimeout(core.upkeep.timer);
    clearTimeout(core.upkeep.leftovers);
    throw error;
  }
}
