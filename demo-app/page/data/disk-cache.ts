import { diskCache } from 'deskcache/renderer';
import type { stores } from '../../model/stores.ts';

/** The stores on disk, typed by their declaration. Every read and write of the page goes through here. */
export const disk = diskCache.as<typeof stores>();
