import type { RemoteSettings } from '../../client/remote-settings.ts';
import type { SettingsPath, SettingsValue } from '../../protocol/settings-path.ts';
import { observeSetting, setSetting } from '../bindings/index.ts';
import { copyKey } from '../bindings/key-copy.ts';
import { createWritableLive, getValue, type ValueOrGetter, type WritableLive } from './live-data.ts';

/** A setting. */
export interface LiveSetting<V> extends WritableLive<V> {
  /** Gives the setting its default value again. */
  reset(): Promise<void>;
}

/**
 * Returns the setting at a path as reactive state, and follows it in all windows and processes. It is `undefined` while the settings are
 * loading, and never after `host.install(session, { ready: […] })` or `await settings.load()`. A path that depends on state is given as a
 * function.
 *
 * Assigning to `value` sets it (`bind:value={theme.value}`): every component of the page shows it at once, and the stored value again if the
 * write fails, with the reason in `error`. Values are frozen.
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
  const getPath = () => copyKey(getValue(path));
  return createWritableLive<unknown, [], Pick<LiveSetting<unknown>, 'reset'>>(
    () => observeSetting(settings, getPath()),
    (value) => setSetting(settings, getPath(), value),
    (track) => ({ reset: () => track(settings.reset(getPath())) }),
  );
}
