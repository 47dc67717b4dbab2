/** The stores of this application. Main process and page import this file, so names and types are written once. */
import { cache, defineStores, index, settings } from 'deskcache';

export interface AppSettings {
  readonly theme: 'light' | 'dark';
}

export interface Note {
  readonly text: string;
  /** Milliseconds since 1970. */
  readonly writtenAt: number;
}

/** The key of the picture above the notes. Its extension gives the media type. */
export const COVER = 'cover.svg';

export const stores = defineStores({
  // Typed by their names; what was never set has its default. Their writes survive a power cut.
  settings: settings<AppSettings>({ defaults: { theme: 'light' } }),
  // An index is a Map on disk, in the order in which keys were first set.
  notes: index<string, Note>(),
  // A cache has a limit: beyond it, the least recently used pictures are evicted.
  pictures: cache<string, string>({ sizeLimit: 64 * 2 ** 20, evictionPolicy: 'least-recently-used' }),
});
