import type { DiskCache } from '../disk-cache.ts';
import type { Observer } from './observer.ts';
import { getSharedObserver } from './shared-observers.ts';

/** What has the network state. */
export type ConnectionSource = Pick<DiskCache, 'connection'>;

/**
 * Returns the observer of whether the application can reach the network. Until the main process has told, and without `host.offline`, it is
 * what the browser says.
 */
export const observeConnection = ({ connection }: ConnectionSource): Observer<boolean> =>
  getSharedObserver<boolean>(connection, ['online'], isBrowserOnline(), ({ show, showNow, fail }) => {
    let isTold = false;
    const tell = (online: boolean) => {
      isTold = true;
      showNow(online);
    };
    const showBrowser = () => {
      if (!isTold) show(isBrowserOnline);
    };
    const unsubscribe = connection.subscribe(tell, { onError: fail });
    connection.online.then(tell, fail);
    for (const type of CONNECTION_EVENTS) globalThis.addEventListener?.(type, showBrowser);
    return () => {
      unsubscribe();
      for (const type of CONNECTION_EVENTS) globalThis.removeEventListener?.(type, showBrowser);
    };
  });

const CONNECTION_EVENTS = ['online', 'offline'] as const;

/** Where there is no browser, the network is taken for reachable. */
const isBrowserOnline = (): boolean => globalThis.navigator?.onLine !== false;
