import { diskCache } from 'deskcache/renderer';
import type { stores } from './stores.ts';

const { settings } = diskCache.as<typeof stores>();

const startedAt = performance.now();

/** The settings that the page's first line has, and when it has them, in milliseconds since the navigation began. */
function readFirstLine(): object {
  try {
    const { theme } = settings.now;
    return { theme, at: performance.now() };
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    return { code, message };
  }
}
const firstLine = location.search === '?load' ? {} : readFirstLine();

function show(theme: string): void {
  document.documentElement.dataset['theme'] = theme;
}

/** A page without `ready` has to wait for its settings. */
const loaded = 'theme' in firstLine ? Promise.resolve() : settings.load();
if ('theme' in firstLine) show(settings.now.theme);
const shown = loaded.then(
  () => {
    const at = performance.now();
    show(settings.now.theme);
    return at;
  },
  () => undefined,
);
settings.onChange('theme', show, { onError: () => {} });

Object.assign(globalThis, { diskCache, startedAt, firstLine, shown });
