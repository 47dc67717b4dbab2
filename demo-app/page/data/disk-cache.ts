import { diskCache } from 'deskcache/renderer';
import type { stores } from '../../model/stores.ts';

/** The stores on disk, typed by their declaration. All reads and writes of the page use it. */
export const disk = diskCache.as<typeof stores>();
