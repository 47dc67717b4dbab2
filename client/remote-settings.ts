import type { IfOpen, PlainValues, StoredValue } from '../protocol/plain-values.ts';
import type { CheckOptions, Finding } from '../protocol/results.ts';
import type { SettingsPatch, SettingsPath, SettingsValue } from '../protocol/settings-path.ts';

export interface RemoteSettingsListenerOptions {
  /** Receives the reason why the listener will not be called any more. Without it, that is an uncaught error. */
  readonly onError?: (error: unknown) => void;
}

/**
 * The settings of an application, used from a page. Calls are promises, as those of `RemoteCache`. Once `load` has resolved, or from the
 * first line on with `ready` (`host.install`), `now` has all settings at once, without a call; it follows the changes of every window and
 * process.
 */
export interface RemoteSettings<T extends object = Record<string, unknown>> {
  /** Returns the setting at a path: what was set, over the default. */
  get<P extends SettingsPath<T>>(path: P): Promise<SettingsValue<T, P>>;
  get(path: readonly string[]): Promise<unknown>;
  /** Returns all settings. */
  all(): Promise<T>;
  /** Returns whether the setting at a path, or a part of it, was set, and is not just its default. */
  has(path: SettingsPath<T> | readonly string[]): Promise<boolean>;
  /** Sets one setting, or several by their paths, all or none. Once loaded, `now` has the new values when the promise resolves. */
  set<P extends SettingsPath<T>, W>(path: P, value: StoredValue<SettingsValue<T, P>, W>): Promise<void>;
  set<W>(path: readonly string[], value: StoredValue<unknown, W>): Promise<void>;
  set<W>(patch: SettingsPatch<T> & IfOpen<T, W & PlainValues<W>>): Promise<void>;
  /** Gives settings their default values again, all or none of them; without a path, all settings. */
  reset(...paths: readonly (SettingsPath<T> | readonly string[])[]): Promise<void>;
  /** Returns the bytes used on disk. */
  volume(): Promise<number>;
  /** Checks for damage of every kind; `repair` deletes what is damaged. */
  check(options?: CheckOptions): Promise<Finding[]>;
  /**
   * All settings, frozen, as this page knows them: at most one message behind the main process, never behind this page's own resolved
   * writes. Each change is a new object, in which nothing ever changes.
   *
   * @throws {DiskCacheError} `BAD_OPTION` before `load()` has resolved, and when the connection has failed for longer than it is retried.
   * With `ready` the settings are asked for instead, by a synchronous message; throws why there are none: `NOT_ALLOWED`, `TOO_LARGE`,
   * `TIMEOUT`, `DISCONNECTED`, or the error of reading.
   */
  readonly now: Readonly<T>;
  /** Resolves once `now` has the settings. Loading again does nothing; after a failure it tries again. */
  load(): Promise<void>;
  /**
   * Calls `listener` once for each change, from any window or process, by which the setting at a path has another value: not deeply equal to
   * the one before. Loads the settings as `load` does; values that followed each other quickly may be left out, the last one never is. Both
   * values are frozen. Returns an unsubscribe function.
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
