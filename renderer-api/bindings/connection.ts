import type { DiskCache } from '../disk-cache.ts';
import type { Observer } from './observer.ts';
import { getSharedObserver } from './shared-observers.ts';

/** An object with the network state, such as `diskCache`. */
export type ConnectionSource = Pick<DiskCache, 'connection'>;

/**
 * Returns the observer of whether the application can reach the network. Until the main process has answered, and without `host.offline`, the
 * value is `navigator.onLine`.
 */
export const observeConnection = (source: ConnectionSource): Observer<boolean> =>
  getSharedObserver<boolean>(source?.connection, ['online'], isBrowserOnline(), (show, fail) => {
    const tell = (online: boolean) => show(() => online, true);
    const ended = new AbortController();
    const onError = (error: unknown): void => {
      for (const type of ['online', 'offline'])
        globalThis.addEventListener?.(type, () => show(isBrowserOnline), { signal: ended.signal });
      fail(error);
    };
    const { connection } = source;
    const unsubscribe = connection.subscribe(tell, { onError });
    connection.online.then(tell, fail);
    return () => {
      unsubscribe();
      ended.abort();
    };
  });

/** Without a browser the network is assumed to be reachable. */
const isBrowserOnline = (): boolean => globalThis.navigator?.onLine !== false;
