import { diskCache } from 'deskcache/renderer';
import type { stores } from '../../model/stores.ts';
import { observable } from './observable.ts';

/** The stores on disk, typed by their declaration. Every read and write of the page goes through here. */
export const disk = diskCache.as<typeof stores>();

/** How many things are on disk. */
export interface OnDisk {
  readonly answers: number;
  readonly flags: number;
  readonly notes: number;
}

export const onDisk = observable<OnDisk | undefined>(undefined);

/** Counts again; three calls in one turn are one message. */
export async function countOnDisk(): Promise<void> {
  const [answers, flags, notes] = await Promise.all([disk.api.size, disk.flags.size, disk.notes.size]);
  onDisk.set({ answers, flags, notes });
}
