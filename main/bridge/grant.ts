import { ACCESS_LEVELS, type Access, covers } from '../../protocol/contract/signature.ts';
import { formatValue } from '../../protocol/describe-value.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import { FETCH_GRANT } from '../../protocol/http.ts';
import { estimateStoredBytes } from '../../protocol/stored-size.ts';
import { parseQueueAddress } from '../../protocol/stores.ts';

/** What a frame may access, decided once, at the handshake, and bound to its port. */
export interface Grant {
  /**
   * Access by name: a store, a queue as `'@queue/<name>'`, or CacheStorage as `'@caches'`; `'*'` covers every name that is not listed.
   * `'@fetch'`, for `diskCache.fetch`, must be listed: it sends the session's cookies and ignores CORS.
   */
  readonly stores: Readonly<Record<string, Access>>;
  /**
   * Maximum bytes of keys, values and tags that the pages of this origin may write while the window is open, over all their connections and
   * documents, counted without compression. Default: no limit.
   */
  readonly bytes?: number;
}

/** Full access, for the application's own pages. */
export const FULL_GRANT: Grant = Object.freeze({ stores: Object.freeze({ '*': 'admin', [FETCH_GRANT]: 'admin' }) });

/**
 * Validates the return value of `authorize` and copies it, so that later changes to the application's object have no effect. Null means no
 * access.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for a malformed grant. It is rejected as a whole: ignoring a misspelt `bytes` would mean no limit.
 */
export function parseGrant(returned: unknown): Grant | null {
  if (returned === null || returned === undefined) return null;
  if (returned instanceof Promise) throw badGrant('returned a promise; it has to return synchronously');
  const { stores, bytes, ...others } = Object(returned) as { readonly [N in keyof Grant]: unknown };
  if (typeof stores !== 'object' || stores === null || Array.isArray(stores)) {
    throw badGrant('returned something that is not a grant; return { stores: { api: "read" } }, or null for no access');
  }
  for (const [name, access] of Object.entries(stores)) {
    if (access === undefined || ACCESS_LEVELS.includes(access)) continue;
    throw badGrant(`granted ${formatValue(access, "'")} on "${name}"; valid levels: ${ACCESS_LEVELS.join(', ')}`);
  }
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw badGrant(`returned the unknown property "${unknown}"; a grant has stores and bytes`);
  if (bytes === undefined) return { stores: { ...stores } };
  if (typeof bytes === 'number' && bytes >= 0) return { stores: { ...stores }, bytes };
  throw badGrant(`granted ${formatValue(bytes, "'")} bytes; it has to be a number from 0`);
}

const badGrant = (what: string) => new DiskCacheError('BAD_OPTION', `authorize(frame) ${what}`);

/** Returns whether a grant covers this access to a store. */
export function isGranted(grant: Grant, store: string, needed: Access): boolean {
  const granted = getGrantedAccess(grant, store);
  return granted !== undefined && covers(granted, needed);
}

function getGrantedAccess({ stores }: Grant, store: string): Access | undefined {
  if (Object.hasOwn(stores, store)) return stores[store];
  if (parseQueueAddress(store) !== undefined) {
    // Queue names are case-insensitive, so another spelling must not be covered by '*' instead.
    const grantedName = Object.keys(stores).find((name) => name.toLowerCase() === store.toLowerCase());
    if (grantedName !== undefined) return stores[grantedName];
  }
  return Object.hasOwn(stores, '*') ? stores['*'] : undefined;
}

/** Bytes that the pages of one window and origin have written, over all their connections. */
export interface WriteUsage {
  bytesWritten: number;
}

/** The grant of one session: checks access, and counts what is left of its byte limit. */
export class SessionGrant {
  readonly #grant: Grant;
  readonly #usage: WriteUsage;

  constructor(grant: Grant, usage: WriteUsage = { bytesWritten: 0 }) {
    this.#grant = grant;
    this.#usage = usage;
  }

  /** Whether writes have to be counted. */
  get isLimited(): boolean {
    return this.#grant.bytes !== undefined;
  }

  /** @throws {DiskCacheError} `NOT_ALLOWED` unless the grant covers this access to the store. */
  require(store: string, needed: Access): void {
    if (isGranted(this.#grant, store, needed)) return;
    throw new DiskCacheError(
      'NOT_ALLOWED',
      `This page was not granted "${needed}" on store "${store.slice(0, 64)}"; authorize(frame) in the main process decides`,
    );
  }

  /** Like `require`, for names that `'*'` doesn't cover. */
  requireExplicit(name: string, needed: Access): void {
    this.require(name, needed);
    if (Object.hasOwn(this.#grant.stores, name)) return;
    throw new DiskCacheError(
      'NOT_ALLOWED',
      `This page was not granted "${name}", which "*" does not include; authorize(frame) in the main process decides`,
    );
  }

  /** @throws {DiskCacheError} `NOT_ALLOWED` if the grant has a byte limit: the size of this operation isn't known in advance. */
  requireNoByteLimit(what: string): void {
    if (this.#grant.bytes === undefined) return;
    throw new DiskCacheError('NOT_ALLOWED', `This page was granted ${this.#grant.bytes} bytes, which excludes ${what}`);
  }

  /**
   * Counts the bytes of a write, item by item: a part shared by several items counts for each of them. `countsRepeats`: as in JSON, where a
   * part shared within an item also counts repeatedly.
   *
   * @throws {DiskCacheError} `TOO_LARGE` if they exceed what is left.
   */
  charge(items: Iterable<unknown>, countsRepeats = false): void {
    const { bytes } = this.#grant;
    if (bytes === undefined) return;
    const usage = this.#usage;
    let weight = 0;
    for (const item of items) {
      weight += estimateStoredBytes(item, countsRepeats);
      if (usage.bytesWritten + weight <= bytes) continue;
      throw new DiskCacheError(
        'TOO_LARGE',
        `This page was granted ${bytes} bytes of writes, has used ${usage.bytesWritten} and needs at least ${weight} more; authorize(frame) in the main process decides`,
      );
    }
    usage.bytesWritten += weight;
  }
}
