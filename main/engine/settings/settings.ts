import { DiskCacheError } from '../../../protocol/error.ts';
import { deepFreeze } from '../../../protocol/freeze.ts';
import type { IfOpen, PlainValues, StoredValue } from '../../../protocol/plain-values.ts';
import {
  getMember,
  parseSettingsPath,
  type SettingsPatch,
  type SettingsPath,
  type SettingsValue,
} from '../../../protocol/settings-path.ts';
import type { BackupOptions, BackupResult } from '../backup/backup.ts';
import type { CheckOptions, Finding } from '../cache/check.ts';
import type { StoreHandle } from '../cache/open.ts';
import type { PlainResult } from '../cache/transaction.ts';
import type { ExportLines, ExportOptions, ImportLinesOptions, ImportLinesResult } from '../export/export-verbs.ts';
import { parseSources } from '../moving/move-in.ts';
import { OpenHandle } from '../state/core.ts';
import { getCores, registerStore } from '../state/open-cores.ts';
import { assertFunction, emitWarning, wrapListener } from '../validate.ts';
import { isEqual } from '../values/equality.ts';
import { SettingsMove } from './moved-settings.ts';
import { assertNoOptions, compareMembers, type SettingsChange, SettingsListeners } from './settings-listeners.ts';
import { assertSettingsOptions, parseChanges, type SettingsOptions, toSettingError } from './settings-options.ts';
import {
  copy,
  type Edit,
  getSetting,
  isSet,
  type Members,
  type OwnCopies,
  resetSetting,
  type StoredMember,
  setSetting,
  toStoredMember,
  withoutEmptyMembers,
} from './stored-member.ts';
import { exportSettings, importSettings, listNames, openSettingsIndex, type SettingsIndex } from './stored-settings.ts';
import { acceptValid, createValidator, isInvalid, type SettingsSchema, type SettingsValidator } from './validation.ts';

export type { SettingsChange } from './settings-listeners.ts';
export type { SettingsOptions } from './settings-options.ts';

/**
 * The settings of an application in one directory, shared by all processes that open it. Each setting has a path (`'theme'`,
 * `'editor.fontSize'`) and a default value. Every call is atomic, and what it has written survives a power cut once it returns.
 *
 * @throws {DiskCacheError} from every method: `CLOSED`, `BUSY`, `CORRUPT`, `DISK_FULL`, `READ_ONLY`, as `Cache`; `BAD_KEY` for an invalid
 * path; with a schema `BAD_VALUE` for a value that doesn't fit it, stored or given.
 */
export class Settings<T extends object = Record<string, unknown>> {
  readonly directory: string;
  readonly #store: OpenHandle<SettingsIndex>;
  readonly #options: SettingsOptions<T>;
  readonly #defaults: Members;
  readonly #validator: SettingsValidator | undefined;
  readonly #listeners = new SettingsListeners({
    subscribe: (onChange) => this.#index.subscribe(onChange),
    readAll: () => copy(this.#readAll()),
    readReadable: (known) => copy(this.#readReadable(known)),
  });
  #hasWarned = false;

  /**
   * Opens a directory, or creates it. An existing index whose keys are strings is converted to settings of version 0. Moves the files of `from`
   * and runs the migrations that are due.
   *
   * @throws {DiskCacheError} `BAD_OPTION` for invalid options, and for defaults that don't fit the schema; `UNSUPPORTED_VERSION` if the stored
   * version is a newer whole number; what a migration throws, as the cause; otherwise what `Index` throws.
   */
  constructor(directory: string, options: SettingsOptions<T>) {
    assertSettingsOptions(options);
    const { defaults, schema, invalid: _, version, migrations, from, ...collectionOptions } = options;
    this.#options = options;
    this.#validator = schema && createValidator(schema as SettingsSchema, directory, defaults);
    this.#defaults = deepFreeze(this.#validateDefaults(copy(defaults) as Members));
    const sources = options.readOnly ? [] : parseSources(from);
    const index = openSettingsIndex(directory, collectionOptions, version, migrations, (index) =>
      sources.length === 0 ? undefined : new SettingsMove(index, sources, this.#defaults, this.#validator),
    );
    this.directory = index.directory;
    this.#store = new OpenHandle(index, `The settings at ${this.directory}`, (opened) => opened.close());
    registerStore(this, () => getCores('settings', this.#store.core));
  }

  /** Returns the setting at a path: what was set, over the default. O(log n + size of the top-level member). */
  get<P extends SettingsPath<T>>(path: P): SettingsValue<T, P>;
  get(path: readonly string[]): unknown;
  get(path: string | readonly string[]): unknown {
    const [name, ...rest] = parseSettingsPath(path);
    return copy(rest.reduce(getMember, this.#readMember(name)));
  }

  /** Returns a copy of all settings. O(size of all settings). */
  all(): T {
    return copy(this.#readAll()) as T;
  }

  /** Returns whether the setting at a path, or a part of it, was set. O(log n). */
  has(path: SettingsPath<T> | readonly string[]): boolean {
    const [name, ...rest] = parseSettingsPath(path);
    return isSet(this.#readStored(name), rest);
  }

  /**
   * Sets one setting, or several by their paths, all or none. An object replaces the whole object at the path. O(log n + size of the top-level
   * members) or, with a schema of all settings, O(size of all settings).
   * @throws {DiskCacheError} `BAD_VALUE` for a value that can't be stored or doesn't fit the schema, and for `undefined`: use `reset`.
   */
  set<P extends SettingsPath<T>, W>(path: P, value: StoredValue<SettingsValue<T, P>, W>): void;
  set<W>(path: readonly string[], value: StoredValue<unknown, W>): void;
  set<W>(patch: SettingsPatch<T> & IfOpen<T, W & PlainValues<W>>): void;
  set(...args: readonly [target: unknown, value?: unknown]): void {
    const changes = parseChanges(args);
    try {
      this.#edit(
        changes.map(([path, value]) => {
          const [name, ...rest] = path;
          return [path, (stored, fallback, copies) => setSetting(stored, fallback, rest, value, [name], copies)];
        }),
      );
    } catch (error) {
      throw changes.reduce(
        (known, [path, value]) => (known === error ? toSettingError(known, path, value) : known),
        error,
      );
    }
  }

  /** Resets settings to their defaults, all or none of them; without a path, resets all settings. */
  reset(...paths: readonly (SettingsPath<T> | readonly string[])[]): void {
    this.#index.transact(() => {
      const parsed =
        paths.length === 0 ? listNames(this.#index).map((name) => [name] as const) : paths.map(parseSettingsPath);
      this.#edit(
        parsed.map((path) => [
          path,
          (stored, fallback, copies) => resetSetting(stored, fallback, path.slice(1), copies),
        ]),
      );
    });
  }

  /**
   * Calls `listener` after a commit of any process, if the value at the path isn't deeply equal to the one before any more. Both values are
   * frozen. Commits of other processes are noticed within about 25 ms. Returns an unsubscribe function.
   */
  onChange<P extends SettingsPath<T>>(
    path: P,
    listener: (now: SettingsValue<T, P>, before: SettingsValue<T, P>) => void,
  ): () => void;
  onChange(path: readonly string[], listener: (now: unknown, before: unknown) => void): () => void;
  onChange(
    path: string | readonly string[],
    listener: (now: never, before: never) => void,
    options?: unknown,
  ): () => void {
    const segments = parseSettingsPath(path);
    assertNoOptions(options, 'onChange');
    assertFunction(listener, 'a listener');
    return this.#listeners.add((...members) => {
      const [now, before] = members.map((all) => segments.reduce(getMember, all as unknown));
      return isEqual(now, before) ? undefined : listener(now as never, before as never);
    });
  }

  /** Calls `listener` with all settings when any of them has changed; otherwise like `onChange`. */
  onAnyChange(listener: (now: T, before: T) => void): () => void;
  onAnyChange(listener: (now: T, before: T) => void, options?: unknown): () => void {
    assertNoOptions(options, 'onAnyChange');
    assertFunction(listener, 'a listener');
    return this.#listeners.add(listener as (now: Members, before: Members) => void);
  }

  /** Calls `listener` with each top-level member that has changed, and its value; otherwise like `onChange`. */
  subscribe(listener: (change: SettingsChange) => void): () => void;
  subscribe(listener: (change: SettingsChange) => void, options?: unknown): () => void {
    assertNoOptions(options, 'subscribe');
    assertFunction(listener, 'a listener');
    const wrapped = wrapListener(listener, 'settings');
    return this.#listeners.add((now, before) => {
      for (const change of compareMembers(now, before)) wrapped(change);
    });
  }

  /** Runs a synchronous function in one transaction. If it throws, nothing is changed. @throws {DiskCacheError} `BAD_OPTION` if it returns a promise. */
  transact<R>(work: (() => R) & PlainResult<R>): R {
    return this.#index.transact(work);
  }

  /** Yields what was set as lines of JSON, as `Cache.export`. */
  export(options?: ExportOptions): AsyncIterable<string> {
    return exportSettings(this.#index, options);
  }

  /** Imports the lines of an export of the same `version`, as `Cache.import`. */
  import(lines: ExportLines, options?: ImportLinesOptions): Promise<ImportLinesResult> {
    return importSettings(this.#index, lines, options);
  }

  /** Returns the bytes used on disk. */
  volume(): number {
    return this.#index.volume();
  }

  /** Checks for damage of every kind; `repair` deletes damaged settings, which then have their defaults. O(size on disk). */
  check(options?: CheckOptions): Finding[] {
    return this.#index.check(options);
  }

  /** Backs the settings up into a new directory, while it is used; see `Cache.backup`. */
  backup(path: string, options?: BackupOptions): Promise<BackupResult> {
    return this.#index.backup(path, options);
  }

  /** Describes these settings as plain data, for `reopen` in a worker or another process. A schema must be given again there. */
  describe(): StoreHandle<Settings<T>> {
    const { defaults, invalid, version } = this.#options;
    const described = this.#index.describe() as StoreHandle<never>;
    return {
      ...described,
      kind: 'settings',
      options: { ...described.options, defaults, invalid, version },
      required: [...described.required, ...(this.#validator ? ['schema'] : [])],
    };
  }

  /** Closes the settings. Every later call throws `CLOSED`, except another `close`. */
  close(): void {
    this.#store.close();
    this.#listeners.clear();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  get [Symbol.toStringTag](): string {
    return 'Settings';
  }

  get #index(): SettingsIndex {
    return this.#store.core;
  }

  #resolveAll(changed?: ReadonlyMap<string, StoredMember | undefined>): Members {
    const stored = new Map<string, StoredMember | undefined>();
    for (const [name, member] of this.#index.entries())
      if (typeof name === 'string' && !changed?.has(name)) stored.set(name, toStoredMember(name, member));
    for (const [name, member] of changed ?? []) stored.set(name, member);
    const names = new Set([...Object.keys(this.#defaults), ...stored.keys()]);
    return Object.fromEntries(
      [...names]
        .map((name) => [name, getSetting(stored.get(name), this.#getDefault(name), [])] as const)
        .filter(([, value]) => value !== undefined),
    );
  }

  #getDefault(name: string): unknown {
    return getMember(this.#defaults, name);
  }

  #readStored(name: string): StoredMember | undefined {
    return toStoredMember(name, this.#index.get(name));
  }

  #readMember(name: string): unknown {
    if (this.#validator?.needsAll) return getMember(this.#readAll(), name);
    const value = getSetting(this.#readStored(name), this.#getDefault(name), []);
    return this.#validator === undefined ? value : this.#validateRead({ [name]: value }, [name])[name];
  }

  #readAll(): Members {
    const all = this.#resolveAll();
    return this.#validator === undefined ? all : this.#validateRead(all, Object.keys(all));
  }

  /** See `FollowedSettings`. With a schema of all settings either all or none can be read. */
  #readReadable(known: Members): Members {
    if (this.#validator?.needsAll) return known;
    const names = new Set([...Object.keys(known), ...listNames(this.#index)]);
    const read = [...names].map((name) => {
      try {
        return [name, this.#readMember(name)] as const;
      } catch {
        return [name, getMember(known, name)] as const;
      }
    });
    return Object.fromEntries(read.filter(([, value]) => value !== undefined));
  }

  #validateRead(settings: Members, names: readonly string[]): Members {
    try {
      return this.#validator!.validate('read', settings, names);
    } catch (error) {
      if (this.#options.invalid !== 'default' || !isInvalid(error)) throw error;
      this.#warnOnce(error);
      return this.#replaceInvalid(settings, names);
    }
  }

  /** Replaces each member that doesn't fit on its own by its default. If the result doesn't fit as a whole, returns all defaults. */
  #replaceInvalid(settings: Members, names: readonly string[]): Members {
    const valid = names.map((name) => {
      try {
        return [name, this.#validateAlone(name, settings[name])];
      } catch {
        return [name, this.#getDefault(name)];
      }
    });
    const replaced = { ...settings, ...Object.fromEntries(valid) };
    try {
      return this.#validator!.validate('read', replaced, names);
    } catch {
      return this.#defaults;
    }
  }

  #validateAlone(name: string, value: unknown): unknown {
    const others = this.#validator!.needsAll ? this.#defaults : {};
    return getMember(this.#validator!.validate('read', { ...others, [name]: value }, [name]), name);
  }

  /** Returns what an edit of a part of a member starts from: as in a read, the default if the stored member doesn't fit. */
  #readEditable(name: string): StoredMember | undefined {
    const stored = this.#readStored(name);
    if (stored === undefined || this.#validator === undefined || this.#options.invalid !== 'default') return stored;
    try {
      this.#validateAlone(name, getSetting(stored, this.#getDefault(name), []));
      return stored;
    } catch (error) {
      if (isInvalid(error)) return undefined;
      throw error;
    }
  }

  #warnOnce(error: DiskCacheError): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    emitWarning(`${error.message}. The default value is used`, { code: error.code, cause: error });
  }

  #validateDefaults(defaults: Members): Members {
    try {
      return this.#validator?.validate('write', defaults, Object.keys(defaults)) ?? defaults;
    } catch (cause) {
      if (!isInvalid(cause)) throw cause;
      throw new DiskCacheError('BAD_OPTION', `The defaults don't fit the schema: ${cause.message}`, { cause });
    }
  }

  #edit(edits: readonly (readonly [path: readonly [string, ...string[]], edit: Edit])[]): void {
    this.#index.transact(() => {
      const edited = new Map<string, StoredMember | undefined>();
      const paths = new Map<string, (readonly string[])[]>();
      const copies: OwnCopies = new WeakSet();
      for (const [[name, ...rest], edit] of edits) {
        // What is replaced as a whole need not be readable.
        const isWhole = rest.length === 0;
        const stored = edited.has(name) || isWhole ? edited.get(name) : this.#readEditable(name);
        edited.set(name, edit(stored, this.#getDefault(name), copies));
        const earlier = isWhole ? undefined : paths.get(name);
        if (earlier === undefined) paths.set(name, [rest]);
        else earlier.push(rest);
      }
      for (const [name, member] of edited) edited.set(name, withoutEmptyMembers(member));
      for (const [name, member] of this.#validateWrite(edited, paths)) {
        if (member === undefined) this.#index.delete(name);
        else this.#index.set(name, member);
      }
    });
  }

  /** Returns what to store: the edited members, with the schema's output where it differs. */
  #validateWrite(
    edited: ReadonlyMap<string, StoredMember | undefined>,
    paths: ReadonlyMap<string, readonly (readonly string[])[]>,
  ): ReadonlyMap<string, StoredMember | undefined> {
    if (this.#validator === undefined) return edited;
    const settings = this.#resolveAll(edited);
    const valid = this.#validateEdited(settings, [...edited.keys()]);
    return new Map(
      [...edited].map(([name, member]) => [
        name,
        acceptValid(name, member, this.#getDefault(name), getMember(valid, name), paths.get(name)),
      ]),
    );
  }

  #validateEdited(settings: Members, names: readonly string[]): Members {
    try {
      return this.#validator!.validate('write', settings, names);
    } catch (error) {
      if (this.#options.invalid !== 'default' || !isInvalid(error)) throw error;
      // Others may be stored that don't fit: they are validated as they are read, as their defaults.
      const edited = Object.fromEntries(names.map((name) => [name, getMember(settings, name)]));
      return this.#validator!.validate('write', { ...this.#readAll(), ...edited }, names);
    }
  }
}
