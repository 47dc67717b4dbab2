import { type MaybeRefOrGetter, type Ref, toValue } from 'vue';
import type { RemoteSettings } from '../../client/remote-settings.ts';
import type { SettingsPath, SettingsValue } from '../../protocol/settings-path.ts';
import { observeSetting, setSetting } from '../bindings/index.ts';
import { copyKey } from '../bindings/key-copy.ts';
import { type LiveRef, toWritableRef } from './live-ref.ts';

/** How a component writes the setting that it shows. */
export interface SettingMethods<V> {
  /** Sets the value; see `useSetting`. Resolves when it is on disk. */
  set(value: V): Promise<void>;
  /** Gives the setting its default value again. */
  reset(): Promise<void>;
}

/**
 * Returns a ref of the setting at a path, and follows it in all windows and processes. It is `undefined` while the settings are loading, and
 * never after `host.install(session, { ready: […] })`, `await settings.load()` or when it is awaited. The path may be a ref or a getter.
 *
 * Assigning a value sets it (`v-model="theme"`): every component of the page shows it at once, and the stored value again if the write
 * fails, with the reason in `error`. Values are frozen.
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
