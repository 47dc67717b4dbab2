import { diskCache } from 'deskcache/renderer';
import { disk } from './disk-cache.ts';
import { reportError } from './errors.ts';
import { observable } from './observable.ts';

/** Whether the server can be reached; the main process checks and notifies all windows. */
export const online = observable(true);

/** Whether the user has switched the network off, in any window; kept after a restart. */
export const switchedOff = observable(false);

export const switchNetwork = (off: boolean): Promise<unknown> => disk.settings.set('offline', off);

export async function watchConnection(): Promise<void> {
  const { connection } = diskCache;
  const read = async () => switchedOff.set((await disk.settings.get('offline')) ?? false);
  connection.subscribe((now) => online.set(now));
  disk.settings.subscribe(() => {
    read().catch((error: unknown) => reportError('The switch could not be read', error));
  });
  await Promise.all([read(), connection.online.then((now) => online.set(now))]);
}
