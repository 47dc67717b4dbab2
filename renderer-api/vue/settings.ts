import { type MaybeRefOrGetter, type Ref, toValue } from 'vue';
import type { RemoteSettings } from '../../client/remote-settings.ts';
import type { SettingsPath, SettingsValue } from '../../protocol/settings-path.ts';
import { observeSetting, setSetting } from '../bindings/index.ts';
import { copyKey } from '../bindings/key-copy.ts';
import { type LiveRef, toWritableRef } from './live-ref.ts';

/** The methods that write a setting. */
export interface SettingMethods<V> {
  /** Sets the value; see `useSetting`. Resolves when it is stored. */
  set(value: V): Promise<void>;
  /** Resets the setting to its default. */
  reset(): Promise<void>;
}

/**
 * Returns a ref of the setting at a path, and follows its changes from any window and process. It is `undefined` while the settings are loading,
 * but not after `host.install(session, { ready: […] })` or `await settings.load()`, nor when it is awaited. The path may be a ref or a getter.
 *
 * Assigning a value sets it (`v-model="theme"`). Every component of the page shows it at once, and the stored value again if the write fails, with
 * the reason in `error`. Values are frozen.
 */
export function useSetting<T extends object, P extends SettingsPath<T>>(
  settings: RemoteSettings<T>,
  path: MaybeRefOrGetter<P>,
): LiveRef<Ref<SettingsValue<T, P> | undefined>, SettingMethods<SettingsValue<T, P>>, Ref<SettingsValue<T, P>>>;
export function useSetting<T extends object>(
  settings: RemoteSettings<T>,
  path: MaybeRefOrGetter<readonly string[]>,
): LiveRef<Ref<unknown>, SettingMethods<unknown>>;
export function useSetting(
  settings: RemoteSettings,
  path: MaybeRefOrGetter<string | readonly string[]>,
): LiveRef<Ref<unknown>, SettingMethods<unknown>> {
  const getPath = () => copyKey(toValue(path));
  return toWritableRef<unknown, SettingMethods<unknown>>(
    () => observeSetting(settings, getPath()),
    (track) => ({
      set: (value) => track(setSetting(settings, getPath(), value)),
      reset: () => track(settings.reset(getPath())),
    }),
  );
}
