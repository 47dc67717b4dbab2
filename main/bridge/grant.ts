import { type Access, covers } from '../../protocol/contract/signature.ts';
import { FETCH } from '../../protocol/offline.ts';
import { queueMeant } from '../../protocol/stores.ts';

/** What a frame may do, decided once, at the handshake, and bound to its port. */
export interface Grant {
  /**
   * Access by name: of a store, of a queue as `'@queue/<name>'`, of CacheStorage as `'@caches'`; `'*'` stands for every one that is
   * not named. `'@fetch'`, for `diskCache.fetch`, has to be named: it has the session's cookies, and no CORS is applied.
   */
  readonly stores: Readonly<Record<string, Access>>;
  /** How many bytes of keys and values it may write before it has to connect anew (a reload). Default: no limit. */
  readonly bytes?: number;
}

/** Everything, for the application's own pages. */
export const FULL_GRANT: Grant = Object.freeze({ stores: Object.freeze({ '*': 'admin', [FETCH]: 'admin' }) });

/** Whether a grant covers such an access to a store. */
export function grants(grant: Grant, store: string, needed: Access): boolean {
  const granted = accessTo(grant, store);
  return granted !== undefined && covers(granted, needed);
}

function accessTo({ stores }: Grant, store: string): Access | undefined {
  if (Object.hasOwn(stores, store)) return stores[store];
  if (queueMeant(store) !== undefined) {
    // Names of queues that differ only in case are one queue, which must not come under '*' by another spelling.
    const spelt = Object.keys(stores).find((name) => name.toLowerCase() === store.toLowerCase());
    if (spelt !== undefined) return stores[spelt];
  }
  return Object.hasOwn(stores, '*') ? stores['*'] : undefined;
}
