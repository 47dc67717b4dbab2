import { ACCESS_LEVELS, type Access, covers } from '../../protocol/contract/signature.ts';
import { formatValue } from '../../protocol/describe-value.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import { FETCH_GRANT } from '../../protocol/http.ts';
import { estimateStoredBytes } from '../../protocol/stored-size.ts';
import { parseQueueAddress } from '../../protocol/stores.ts';

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
export const FULL_GRANT: Grant = Object.freeze({ stores: Object.freeze({ '*': 'admin', [FETCH_GRANT]: 'admin' }) });

/**
 * What `authorize` has answered, for good: what the application does to its object later changes nothing. Null stands for nothing.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for what is no grant, of which nothing counts: a misspelt limit would be none.
 */
export function parseGrant(returned: unknown): Grant | null {
  if (returned === null || returned === undefined) return null;
  if (returned instanceof Promise) throw badGrant('answered a promise; it has to answer at once');
  const { stores, bytes, ...others } = Object(returned) as { readonly [N in keyof Grant]: unknown };
  if (typeof stores !== 'object' || stores === null || Array.isArray(stores)) {
    throw badGrant('answered no grant; give { stores: { api: "read" } }, or null for nothing');
  }
  for (const [name, access] of Object.entries(stores)) {
    if (access === undefined || ACCESS_LEVELS.includes(access)) continue;
    throw badGrant(`granted ${formatValue(access, "'")} on "${name}"; there are ${ACCESS_LEVELS.join(', ')}`);
  }
  const [unknown] = Object.keys(others);
  if (unknown !== undefined)
    throw badGrant(`answered "${unknown}", which is nothing of a grant; there are stores, bytes`);
  if (bytes === undefined) return { stores: { ...stores } };
  if (typeof bytes === 'number' && bytes >= 0) return { stores: { ...stores }, bytes };
  throw badGrant(`granted ${formatValue(bytes, "'")} bytes; it has to be a number from 0`);
}

const badGrant = (what: string) => new DiskCacheError('BAD_OPTION', `authorize(frame) ${what}`);

/** Whether a grant covers such an access to a store. */
export function isGranted(grant: Grant, store: string, needed: Access): boolean {
  const granted = getGrantedAccess(grant, store);
  return granted !== undefined && covers(granted, needed);
}

function getGrantedAccess({ stores }: Grant, store: string): Access | undefined {
  if (Object.hasOwn(stores, store)) return stores[store];
  if (parseQueueAddress(store) !== undefined) {
    // Names of queues that differ only in case are one queue, which must not come under '*' by another spelling.
    const grantedName = Object.keys(stores).find((name) => name.toLowerCase() === store.toLowerCase());
    if (grantedName !== undefined) return stores[grantedName];
  }
  return Object.hasOwn(stores, '*') ? stores['*'] : undefined;
}

/** How much the pages of one window and origin have written, over all their connections. */
export interface WriteUsage {
  bytesWritten: number;
}

/** A grant in use by one session: what it covers, and how much of it is left. */
export class SessionGrant {
  readonly #grant: Grant;
  readonly #usage: WriteUsage;

  constructor(grant: Grant, usage: WriteUsage = { bytesWritten: 0 }) {
    this.#grant = grant;
    this.#usage = usage;
  }

  /** Whether what is written has to be counted. */
  get isLimited(): boolean {
    return this.#grant.bytes !== undefined;
  }

  /** @throws {DiskCacheError} `NOT_ALLOWED` unless the grant covers such an access to the store. */
  require(store: string, needed: Access): void {
    if (isGranted(this.#grant, store, needed)) return;
    throw new DiskCacheError(
      'NOT_ALLOWED',
      `This page was not granted "${needed}" on store "${store.slice(0, 64)}"; authorize(frame) in the main process decides`,
    );
  }

  /** As `demand`, for what `'*'` doesn't mean. */
  requireExplicit(name: string, needed: Access): void {
    this.require(name, needed);
    if (Object.hasOwn(this.#grant.stores, name)) return;
    throw new DiskCacheError(
      'NOT_ALLOWED',
      `This page was not granted "${name}", which "*" does not include; authorize(frame) in the main process decides`,
    );
  }

  /** @throws {DiskCacheError} `NOT_ALLOWED` where bytes are limited, for what brings so many that nobody knows it before. */
  requireNoByteLimit(what: string): void {
    if (this.#grant.bytes === undefined) return;
    throw new DiskCacheError('NOT_ALLOWED', `This page was granted ${this.#grant.bytes} bytes, which excludes ${what}`);
  }

  /**
   * Counts what a write brings, item by item: what is stored in several of them is stored several times. `writtenOut`: as JSON, in
   * which that is so within an item, too.
   *
   * @throws {DiskCacheError} `TOO_LARGE` when it is more than what is left.
   */
  charge(items: Iterable<unknown>, writtenOut = false): void {
    const { bytes } = this.#grant;
    if (bytes === undefined) return;
    const usage = this.#usage;
    let weight = 0;
    for (const item of items) {
      weight += estimateStoredBytes(item, writtenOut);
      if (usage.bytesWritten + weight <= bytes) continue;
      throw new DiskCacheError(
        'TOO_LARGE',
        `This page was granted ${bytes} bytes of writes, has used ${usage.bytesWritten} and wants at least ${weight} more; authorize(frame) in the main process decides`,
      );
    }
    usage.bytesWritten += weight;
  }
}
