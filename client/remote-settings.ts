import type { IfOpen, PlainValues, StoredValue } from '../protocol/plain-values.ts';
import type { CheckOptions, Finding } from '../protocol/results.ts';
import type { SettingsPatch, SettingsPath, SettingsValue } from '../protocol/settings-path.ts';

/** Options of a listener of settings in a page. */
export interface RemoteSettingsListenerOptions {
  /** Receives the reason when the listener will not be called any more. Without it that is an uncaught error. */
  readonly onError?: (error: unknown) => void;
}

/**
 * The settings of an application, used from a page. Methods return promises, like those of `RemoteCache`. `now` holds all settings without a
 * call, once `load` has resolved or, with `ready` (`host.install`), from the page's first line on. It follows changes of every window and
 * process.
 *
 * @throws {DiskCacheError} (as a rejection) from every method what `Settings` throws; `NOT_ALLOWED` without the access that it needs ('read'
 * for `get`, `all`, `has`, `now` and listeners, 'write' for `set` and `reset`, 'admin' for `check`); `TOO_LARGE` above a limit
 * of the page; `DISCONNECTED`, `TIMEOUT`.
 */
export interface RemoteSettings<T extends object = Record<string, unknown>> {
  /** Returns the setting at a path: what was set, over the default. */
  get<P extends SettingsPath<T>>(path: P): Promise<SettingsValue<T, P>>;
  get(path: readonly string[]): Promise<unknown>;
  /** Returns all settings. */
  all(): Promise<T>;
  /** Returns whether the setting at a path, or a part of it, was set instead of coming from the defaults. */
  has(path: SettingsPath<T> | readonly string[]): Promise<boolean>;
  /**
   * Sets one setting, or several by their paths, all or none. If the settings are loaded, `now` has the new values when the promise resolves.
   *
   * @throws {DiskCacheError} (as a rejection) `BAD_VALUE` for `undefined`, and for a value that can't be stored or doesn't fit the schema;
   * `BAD_KEY` for an invalid path.
   */
  set<P extends SettingsPath<T>, W>(path: P, value: StoredValue<SettingsValue<T, P>, W>): Promise<void>;
  set<W>(path: readonly string[], value: StoredValue<unknown, W>): Promise<void>;
  set<W>(patch: SettingsPatch<T> & IfOpen<T, W & PlainValues<W>>): Promise<void>;
  /** Resets settings to their defaults, all or none of them; without a path, resets all settings. */
  reset(...paths: readonly (SettingsPath<T> | readonly string[])[]): Promise<void>;
  /** Returns the bytes used on disk. */
  volume(): Promise<number>;
  /** Checks for damage of every kind; `repair` deletes what is damaged. */
  check(options?: CheckOptions): Promise<Finding[]>;
  /**
   * All settings as this page knows them, frozen. At most one message behind the main process, and never behind a write of this page that has
   * resolved. Each change creates a new object.
   *
   * @throws {DiskCacheError} `BAD_OPTION` before `load()` has resolved, and after the connection was given up. With `ready` the first access
   * asks the main process by a synchronous message instead, and throws the reason if it gets no settings: `NOT_ALLOWED`, `TOO_LARGE`,
   * `TIMEOUT`, `DISCONNECTED`, or the error of reading.
   */
  readonly now: Readonly<T>;
  /** Resolves once `now` has the settings as the main process has them. Call it again after a failure. O(size of the settings). */
  load(): Promise<void>;
  /**
   * Calls `listener` when the value at a path isn't deeply equal to the one before any more; any window or process may have changed it. Loads
   * the settings as `load` does. Of values that follow each other quickly the listener may only get the last one. Both values are frozen.
   * Returns an unsubscribe function. Errors, also those of an invalid path, go to `onError`.
   */
  onChange<P extends SettingsPath<T>>(
    path: P,
    listener: (now: SettingsValue<T, P>, before: SettingsValue<T, P>) => void,
    options?: RemoteSettingsListenerOptions,
  ): () => void;
  onChange(
    path: readonly string[],
    listener: (now: unknown, before: unknown) => void,
    options?: RemoteSettingsListenerOptions,
  ): () => void;
  /** Calls `listener` for each change of any setting; otherwise like `onChange`. */
  onAnyChange(
    listener: (now: Readonly<T>, before: Readonly<T>) => void,
    options?: RemoteSettingsListenerOptions,
  ): () => void;
}
