/** The stores of this application. Main process and page import this file, so names and types are written once. */
import { cache, defineStores, index } from 'deskcache';

export type Theme = 'light' | 'dark';

export interface Note {
  readonly text: string;
  /** Milliseconds since 1970. */
  readonly writtenAt: number;
}

/** The key of the picture above the notes. Its extension gives the media type. */
export const COVER = 'cover.svg';

export const stores = defineStores({
  // An index is a Map on disk, in the order in which keys were first set. Its writes survive a power cut.
  settings: index<'theme', Theme>(),
  notes: index<string, Note>(),
  // A cache has a limit: beyond it, the least recently used pictures are evicted.
  pictures: cache<string, string>({ sizeLimit: 64 * 2 ** 20, evictionPolicy: 'least-recently-used' }),
});
