import type { RemoteSettings } from '../../client/remote-settings.ts';
import type { SettingsPath, SettingsValue } from '../../protocol/settings-path.ts';
import type { Observer } from './observer.ts';
import { getSharedObserver } from './shared-observers.ts';

type Path<T> = SettingsPath<T> | readonly string[];

/** Returns the observer of the setting at a path. It has the value at once if the page has the settings already. */
export const observeSetting = <T extends object, P extends Path<T>>(
  settings: RemoteSettings<T>,
  path: P,
): Observer<SettingsValue<T, P> | undefined> =>
  getSharedObserver<SettingsValue<T, P> | undefined>(settings, ['setting', path], undefined, (show, fail) => {
    try {
      const value = getSetting(settings.now, path);
      show(() => value, true);
    } catch {
      // The page doesn't have the settings yet.
    }
    // Shown at once: after `await settings.set(…)` the components have it.
    const unsubscribe = settings.onChange(
      path as readonly string[],
      (now) => show(() => now as SettingsValue<T, P>, true),
      {
        onError: fail,
      },
    );
    // Read even if `now` had it: it may have changed before the listener was registered.
    settings.get(path as readonly string[]).then((value) => show(() => value as SettingsValue<T, P>, true), fail);
    return unsubscribe;
  });

/** Sets a setting, which all components of this page show at once. If it is refused, they show the stored value again, and the promise rejects. */
export const setSetting = <T extends object, P extends Path<T>>(
  settings: RemoteSettings<T>,
  path: P,
  value: SettingsValue<T, P>,
): Promise<void> =>
  observeSetting(settings, path).write(
    value,
    () => settings.set(path as readonly string[], value),
    () => settings.get(path as readonly string[]) as Promise<SettingsValue<T, P>>,
  );

function getSetting<T extends object, P extends Path<T>>(settings: T, path: P): SettingsValue<T, P> {
  const names: readonly string[] = typeof path === 'string' ? path.split('.') : path;
  return names.reduce<unknown>(
    (value, name) => (Object.hasOwn(Object(value), name) ? (value as Record<string, unknown>)[name] : undefined),
    settings,
  ) as SettingsValue<T, P>;
}
