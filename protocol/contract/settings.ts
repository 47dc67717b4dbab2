import type { CheckOptions, Finding } from '../results.ts';
import type { SettingsPatch, SettingsPath, SettingsValue } from '../settings-path.ts';
import { administersAlone, reads, type Signatures, writes } from './signature.ts';

/** The methods of settings that a page may call. */
export interface SettingsContract<T extends object = Record<string, unknown>> {
  /** Returns the setting at a path: what was set, over the default. */
  get(path: SettingsPath<T> | readonly string[]): SettingsValue<T, SettingsPath<T>>;
  /** Returns all settings. */
  all(): T;
  /** Returns whether the setting at a path, or a part of it, was set instead of coming from the defaults. */
  has(path: SettingsPath<T> | readonly string[]): boolean;
  /** Sets one setting, or several by their paths, all or none. */
  set(pathOrPatch: SettingsPath<T> | readonly string[] | SettingsPatch<T>, value?: unknown): void;
  /** Resets settings to their defaults; without a path, resets all of them. */
  reset(...paths: readonly (SettingsPath<T> | readonly string[])[]): void;
  /** Returns the bytes used on disk. */
  volume(): number;
  /** Checks for damage of every kind; `repair` deletes what is damaged. */
  check(options?: CheckOptions): Finding[];
}

/** The methods that a cache doesn't have. */
export const SETTINGS_ONLY_SIGNATURES: Pick<Signatures<SettingsContract>, 'all' | 'reset'> = /* @__PURE__ */ (() => ({
  all: reads(),
  reset: writes('...value'),
}))();

export const SETTINGS_SIGNATURES: Signatures<SettingsContract> = /* @__PURE__ */ (() => ({
  ...SETTINGS_ONLY_SIGNATURES,
  get: reads('key'),
  has: reads('key'),
  set: writes('key', 'value'),
  volume: reads(),
  check: administersAlone('plain'),
}))();
