import { ACCESS_LEVELS, type Access, covers } from '../../protocol/contract/signature.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import { shownValue } from '../../protocol/fault.ts';
import { FETCH } from '../../protocol/offline.ts';
import { queueMeant } from '../../protocol/stores.ts';

/** What a frame may do, decided once, at the handshake, and bound to its port. */
export interface Grant {
  /**
   * Access by name: of a store, of a queue as `'@queue/<name>'`, of CacheStorage as `'@caches'`; `'*'` stands for every one that is
   * not named. `'@fetch'`, for `diskCache.fetch`, has to be named: it has the session's cookies, and no CORS is applied.
   */
  readonly stores: Readonly<Record<string, Access>>;
  /**
   * How many bytes of keys, values and tags the pages of its origin may write as long as this window is open, over all their
   * connections and documents; counted as they are stored without compression. Default: no limit.
   */
  readonly bytes?: number;
}

/** Everything, for the application's own pages. */
export const FULL_GRANT: Grant = Object.freeze({ stores: Object.freeze({ '*': 'admin', [FETCH]: 'admin' }) });

/**
 * What `authorize` has answered, for good: what the application does to its object later changes nothing. Null stands for nothing.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for what is no grant, of which nothing counts: a misspelt limit would be none.
 */
export function grantOf(answered: unknown): Grant | null {
  if (answered === null || answered === undefined) return null;
  if (answered instanceof Promise) throw noGrant('answered a promise; it has to answer at once');
  const { stores, bytes, ...others } = Object(answered) as { readonly [N in keyof Grant]: unknown };
  if (typeof stores !== 'object' || stores === null || Array.isArray(stores)) {
    throw noGrant('answered no grant; give { stores: { api: "read" } }, or null for nothing');
  }
  for (const [name, access] of Object.entries(stores)) {
    if (access === undefined || ACCESS_LEVELS.includes(access)) continue;
    throw noGrant(`granted ${shownValue(access, "'")} on "${name}"; there are ${ACCESS_LEVELS.join(', ')}`);
  }
  const [unknown] = Object.keys(others);
  if (unknown !== undefined)
    throw noGrant(`answered "${unknown}", which is nothing of a grant; there are stores, bytes`);
  if (bytes === undefined) return { stores: { ...stores } };
  if (typeof bytes === 'number' && bytes >= 0) return { stores: { ...stores }, bytes };
  throw noGrant(`granted ${shownValue(bytes, "'")} bytes; it has to be a number from 0`);
}

const noGrant = (what: string) => new DiskCacheError('BAD_OPTION', `authorize(frame) ${what}`);

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
