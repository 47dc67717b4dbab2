import type { RemoteSettings } from '../../client/remote-settings.ts';
import type { SettingsPath, SettingsValue } from '../../protocol/settings-path.ts';
import { observeSetting, setSetting } from '../bindings/index.ts';
import { createWritableLive, getKey, type ValueOrGetter, type WritableLive } from './live-data.ts';

/** Reactive data of a setting. */
export interface LiveSetting<V> extends WritableLive<V> {
  /** Resets the setting to its default. */
  reset(): Promise<void>;
}

/**
 * Returns the setting at a path as reactive state, and follows its changes from any window and process. It is `undefined` while the settings are
 * loading, but not after `host.install(session, { ready: […] })` or `await settings.load()`. Pass a path that depends on state as a function.
 *
 * Assigning to `value` sets it (`bind:value={theme.value}`). Every component of the page shows it at once, and the stored value again if the write
 * fails, with the reason in `error`. Values are frozen.
 */
export function useSetting<T extends object, P extends SettingsPath<T>>(
  settings: RemoteSettings<T>,
  path: ValueOrGetter<P>,
): LiveSetting<SettingsValue<T, P> | undefined>;
export function useSetting<T extends object>(
  settings: RemoteSettings<T>,
  path: ValueOrGetter<readonly string[]>,
): LiveSetting<unknown>;
export function useSetting(
  settings: RemoteSettings,
  path: ValueOrGetter<string | readonly string[]>,
): LiveSetting<unknown> {
  return createWritableLive<unknown, [], Pick<LiveSetting<unknown>, 'reset'>>(
    () => observeSetting(settings, getKey(path)),
    (value) => setSetting(settings, getKey(path), value),
    (track) => ({ reset: () => track(settings.reset(getKey(path))) }),
  );
}
