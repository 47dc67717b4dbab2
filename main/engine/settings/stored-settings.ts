import { DiskCacheError } from '../../../protocol/error.ts';
import type { Key } from '../../../protocol/key.ts';
import type { CollectionOptions } from '../../../protocol/options.ts';
import { parseSettingsPath } from '../../../protocol/settings-path.ts';
import type { SettingsMigrations, SettingsVersion, StoredSettings } from '../../../protocol/stores.ts';
import { type ExportOptions, STORED_IN_INDEX, type StoredInIndex } from '../export/export-store.ts';
import type { ExportLines, ImportLinesOptions, ImportLinesResult } from '../export/import-store.ts';
import { Index } from '../index-map/index-map.ts';
import { type MigrationPlan, planMigrations, runStep } from './migrations.ts';
import type { SettingsMove } from './moved-settings.ts';
import { toSettingError } from './settings-options.ts';
import {
  assertDefined,
  getSetting,
  isSet,
  isStoredMember,
  resetSetting,
  type StoredMember,
  setSetting,
  toStoredMember,
  withoutEmptyMembers,
} from './stored-member.ts';

/**
 * Settings on disk: an index with an entry for each top-level member that was set, under its name. Entries about the settings themselves have
 * arrays as keys, which no member can have.
 */
export type SettingsIndex = Index<string | readonly string[], unknown>;

const ABOUT: readonly string[] = ['settings'];
const FORMAT = 1;

interface AboutSettings {
  readonly format: number;
  readonly version: SettingsVersion;
}

/**
 * Opens the index of settings. Moves files and runs the migrations that are due, in one transaction.
 *
 * @throws {DiskCacheError} `BAD_OPTION`, `UNSUPPORTED_VERSION`, or what a migration throws. Nothing is changed then.
 */
export function openSettingsIndex(
  directory: string,
  options: CollectionOptions,
  version: SettingsVersion | undefined,
  migrations: SettingsMigrations | undefined,
  prepareMove: (index: SettingsIndex) => SettingsMove | undefined,
): SettingsIndex {
  const plan = planMigrations(version, migrations);
  const index: SettingsIndex = new Index<string | readonly string[], unknown>(directory, options);
  try {
    const move = prepareMove(index);
    if (options.readOnly) assertReadable(index, plan);
    else if (move?.isDue || !isCurrent(index, plan)) index.transact(() => update(index, plan, move));
    move?.report();
    return index;
  } catch (error) {
    index.close();
    throw error;
  }
}

/** Reading needs no migration that is not there, and no version that is written down. */
function assertReadable(index: SettingsIndex, plan: MigrationPlan): void {
  const about = readAbout(index);
  const stored = about?.version ?? 0;
  if (about === undefined ? index.size === 0 : plan.getSteps(stored, index.directory).steps.length === 0) return;
  throw new DiskCacheError(
    'READ_ONLY',
    `The settings in ${index.directory} have version ${stored} and must be migrated to ${plan.version}; open them without readOnly first`,
  );
}

function isCurrent(index: SettingsIndex, plan: MigrationPlan): boolean {
  const about = readAbout(index);
  if (about === undefined) return false;
  const { steps, isNewer } = plan.getSteps(about.version, index.directory);
  return isNewer || (steps.length === 0 && about.version === plan.version);
}

function readAbout(index: SettingsIndex): AboutSettings | undefined {
  const about = index.get(ABOUT) as AboutSettings | undefined;
  if (about === undefined || about.format === FORMAT) return about;
  throw new DiskCacheError(
    'UNSUPPORTED_VERSION',
    `${index.directory} has settings of format ${String(Object(about).format)}, and this version of deskcache knows ${FORMAT}; update deskcache`,
  );
}

/** Exports settings as the rows of their index. */
export const exportSettings = (index: SettingsIndex, options?: ExportOptions): AsyncIterable<string> =>
  index.export(withRows(index, options));

export const importSettings = (
  index: SettingsIndex,
  lines: ExportLines,
  options?: ImportLinesOptions,
): Promise<ImportLinesResult> => index.import(lines, withRows(index, options));

function withRows<O extends object>(index: SettingsIndex, options: O | undefined): O & StoredInIndex {
  const about = readAbout(index);
  const validate = (key: Key, value: unknown) => (typeof key === 'string' ? toStoredMember(key, value) : about);
  return { ...options, [STORED_IN_INDEX]: { kind: 'settings', settings: { version: about?.version }, validate } } as O &
    StoredInIndex;
}

function update(index: SettingsIndex, plan: MigrationPlan, move: SettingsMove | undefined): void {
  const hasNone = readAbout(index) === undefined;
  const isNew = hasNone && index.size === 0;
  if (hasNone && !isNew) {
    if (hasLostAbout(index)) writeAbout(index, plan.version);
    else convertIndex(index);
  }
  const movedVersion = move?.isDue ? move.store(index) : undefined;
  // New settings take the version of the files, so that the migrations apply to what was moved. Existing settings keep their own.
  if (isNew && movedVersion !== undefined) {
    writeAbout(index, isComparable(plan, movedVersion, index.directory) ? movedVersion : 0);
  }
  migrate(index, plan);
  if (move?.isDue) move.validate(index, isNew ? new StoredMembers(index).names() : move.names);
}

/** Returns the names of the top-level members that were set. Keys that are arrays belong to entries about the settings themselves. */
export const listNames = (index: SettingsIndex): string[] =>
  [...index.keys()].filter((name) => typeof name === 'string');

const writeAbout = (index: SettingsIndex, version: SettingsVersion): void =>
  void index.set(ABOUT, { format: FORMAT, version } satisfies AboutSettings);

function isComparable(plan: MigrationPlan, version: SettingsVersion, directory: string): boolean {
  if (!plan.isVersioned) return false;
  try {
    plan.getSteps(version, directory);
    return true;
  } catch {
    return false;
  }
}

function migrate(index: SettingsIndex, plan: MigrationPlan): void {
  const about = readAbout(index);
  if (about === undefined) {
    writeAbout(index, plan.version);
    return;
  }
  const { steps, isNewer } = plan.getSteps(about.version, index.directory);
  if (isNewer) return;
  const stored = new StoredMembers(index);
  let from = about.version;
  try {
    for (const step of steps) {
      runStep(step, stored, from);
      from = step.to;
    }
  } finally {
    stored.end();
  }
  writeAbout(index, plan.version);
}

/**
 * Whether settings have lost the entry about them to damage: all other entries have the form of stored settings. Converted again, each value
 * would be inside of another one. Their version was most probably the current one.
 */
const hasLostAbout = (index: SettingsIndex): boolean =>
  [...index.entries()].every(([name, value]) => typeof name !== 'string' || isStoredMember(value));

/** Converts an index, in which the application has kept its settings so far: each entry becomes a top-level member. */
function convertIndex(index: SettingsIndex): void {
  for (const [name, value] of [...index.entries()]) {
    if (typeof name !== 'string') {
      throw new DiskCacheError(
        'BAD_OPTION',
        `${index.directory} holds an index whose keys aren't texts, which can't become settings; give another directory`,
      );
    }
    index.set(name, { value } satisfies StoredMember);
  }
  writeAbout(index, 0);
}

class StoredMembers implements StoredSettings {
  #openIndex: SettingsIndex | undefined;

  constructor(index: SettingsIndex) {
    this.#openIndex = index;
  }

  /** Later calls, of a timer or a promise that a migration has started, are refused: they would be outside of its transaction. */
  end(): void {
    this.#openIndex = undefined;
  }

  get #index(): SettingsIndex {
    if (this.#openIndex !== undefined) return this.#openIndex;
    throw new DiskCacheError('CLOSED', 'This migration of settings has ended; read and change them before it returns');
  }

  get(path: string | readonly string[]): unknown {
    const [name, ...rest] = parseSettingsPath(path);
    return getSetting(this.#read(name), undefined, rest);
  }

  has(path: string | readonly string[]): boolean {
    const [name, ...rest] = parseSettingsPath(path);
    return isSet(this.#read(name), rest);
  }

  set(path: string | readonly string[], value: unknown): void {
    const [name, ...rest] = parseSettingsPath(path);
    assertDefined([name, ...rest], value, 'delete');
    try {
      this.#index.set(name, setSetting(this.#read(name), undefined, rest, value, [name]));
    } catch (error) {
      throw toSettingError(error, [name, ...rest], value);
    }
  }

  delete(path: string | readonly string[]): void {
    const [name, ...rest] = parseSettingsPath(path);
    const left = withoutEmptyMembers(resetSetting(this.#read(name), undefined, rest));
    if (left === undefined) this.#index.delete(name);
    else this.#index.set(name, left);
  }

  names(): string[] {
    return listNames(this.#index);
  }

  #read(name: string): StoredMember | undefined {
    return toStoredMember(name, this.#index.get(name));
  }
}
