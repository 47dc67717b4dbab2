import type { RemoteSettings } from '../../client/remote-settings.ts';
import type { SettingsPath, SettingsValue } from '../../protocol/settings-path.ts';
import { subscribeOrFail } from './failures.ts';
import type { Observer } from './observer.ts';
import { getSharedObserver } from './shared-observers.ts';

type Path<T> = SettingsPath<T> | readonly string[];

/** Returns the observer of the setting at a path. It has the value at once where the page has the settings already. */
export const observeSetting = <T extends object, P extends Path<T>>(
  settings: RemoteSettings<T>,
  path: P,
): Observer<SettingsValue<T, P> | undefined> =>
  getSharedObserver<SettingsValue<T, P> | undefined>(
    settings,
    ['setting', path],
    undefined,
    ({ show, showNow, fail }) => {
      const known = getNow(settings);
      if (known !== undefined) showNow(getSetting(known, path));
      let isFailed = false;
      const onError = (error: unknown): void => {
        isFailed = true;
        fail(error);
      };
      const unsubscribe = subscribeOrFail(onError, () =>
        settings.onChange(path as readonly string[], (now) => show(() => now as SettingsValue<T, P>), { onError }),
      );
      settings.load().then(() => {
        const now = getNow(settings);
        // Settings that have not changed are the same object.
        if (!isFailed && now !== undefined && now !== known) showNow(getSetting(now, path));
      }, onError);
      return unsubscribe;
    },
  );

/** Sets a setting, shown at once by all components of this page. Rejects, and shows the stored value again, if it was refused. */
export const setSetting = <T extends object, P extends Path<T>>(
  settings: RemoteSettings<T>,
  path: P,
  value: SettingsValue<T, P>,
): Promise<void> =>
  observeSetting(settings, path).write(
    value,
    () => settings.set(path as readonly string[], value),
    () => getSetting(settings.now, path),
  );

/** Returns all settings; undefined while the page has none. */
function getNow<T extends object>(settings: RemoteSettings<T>): T | undefined {
  try {
    return settings.now;
  } catch {
    return undefined;
  }
}

function getSetting<T extends object, P extends Path<T>>(settings: T, path: P): SettingsValue<T, P> {
  const names: readonly string[] = typeof path === 'string' ? path.split('.') : path;
  return names.reduce<unknown>(
    (value, name) => (Object.hasOwn(Object(value), name) ? (value as Record<string, unknown>)[name] : undefined),
    settings,
  ) as SettingsValue<T, P>;
}
