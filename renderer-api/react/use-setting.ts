import { useMemo } from 'react';
import type { RemoteSettings } from '../../client/remote-settings.ts';
import type { SettingsPath, SettingsValue } from '../../protocol/settings-path.ts';
import { observeSetting, setSetting } from '../bindings/index.ts';
import { resolveNext } from './use-entry.ts';
import { type DataState, parseOptions, type SuspenseOptions, useObserver } from './use-observer.ts';

/** The functions that write a setting. */
export interface SettingActions<V> {
  /**
   * Sets the value, or computes it from the one that is shown. All components of this page show it at once; if it is refused, they show the
   * stored value again and the promise rejects.
   */
  readonly set: (value: V | ((shown: V) => V)) => Promise<void>;
  /** Resets the setting to its default. */
  readonly reset: () => Promise<void>;
}

/** A setting and a function that sets it, as a pair like that of `useState`, and by name. `Shown` is `V`, or `V` or undefined without suspense. */
export type SettingResult<V, Shown = V> = readonly [value: Shown, set: SettingActions<V>['set']] &
  SettingActions<V> &
  DataState & { readonly value: Shown };

/**
 * Returns the setting at a path, and follows its changes from any window and process. If the page has the settings already, by `ready` or
 * `load()`, the first render has the value. Otherwise the component suspends until it is read, unless `suspense` is false.
 */
export function useSetting<T extends object, const P extends SettingsPath<T>>(
  settings: RemoteSettings<T>,
  path: P,
  options?: { readonly suspense?: true },
): SettingResult<SettingsValue<T, P>>;
export function useSetting<T extends object, const P extends SettingsPath<T>>(
  settings: RemoteSettings<T>,
  path: P,
  options: SuspenseOptions,
): SettingResult<SettingsValue<T, P>, SettingsValue<T, P> | undefined>;
export function useSetting<T extends object>(
  settings: RemoteSettings<T>,
  path: readonly string[],
  options?: SuspenseOptions,
): SettingResult<unknown>;
export function useSetting(
  settings: RemoteSettings<Record<string, unknown>>,
  path: string | readonly string[],
  options?: SuspenseOptions,
): SettingResult<unknown> {
  const { suspense = true } = parseOptions('useSetting', options);
  const observer = observeSetting(settings, path);
  const state = useObserver(observer, suspense);
  // The observer stands for both dependencies: other settings, or another path, have another observer.
  const actions = useMemo<SettingActions<unknown>>(
    () => ({
      set: (next) => setSetting(settings, path, resolveNext(next, observer.getSnapshot().value)),
      reset: () => settings.reset(path),
    }),
    [observer],
  );
  return Object.assign([state.value, actions.set] as const, state, actions);
}
