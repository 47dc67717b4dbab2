import { truncate } from '../../protocol/describe-value.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import { CACHES_GRANT, FETCH_GRANT } from '../../protocol/http.ts';
import { isStoreName, parseQueueAddress, WINDOW_STORE } from '../../protocol/stores.ts';
import { type Grant, parseGrant } from '../bridge/grant.ts';
import { isRecord } from '../engine/internal.ts';
import type { TestPageOptions } from './test-host.ts';

/** Names in a grant that are no declared stores: every other store, and what a page has beside them. */
const OTHER_NAMES: ReadonlySet<string> = new Set(['*', WINDOW_STORE, CACHES_GRANT, FETCH_GRANT]);

/**
 * Returns the grant of a page. `stores` are the names of the declared ones. A queue need not be open yet.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for an invalid grant and for null. Also for a name that wasn't declared: under an application's
 * `authorize` it may be a store of a later version, but in a test it is misspelt, and the page would be refused for another reason than the
 * one under test.
 */
export function parsePageGrant(granted: unknown, stores: readonly string[]): Grant {
  const grant = parseGrant(granted);
  if (grant === null)
    throw new DiskCacheError(
      'BAD_OPTION',
      'A page that is granted nothing gets no port: leave grant out, or name stores',
    );
  for (const name of Object.keys(grant.stores)) {
    if (stores.includes(name) || OTHER_NAMES.has(name) || isStoreName(parseQueueAddress(name))) continue;
    throw new DiskCacheError(
      'BAD_OPTION',
      `The grant names "${truncate(name)}", which was not declared; declared stores: ${stores.join(', ')}; other names: ${[...OTHER_NAMES].join(', ')}, @queue/<name>`,
    );
  }
  return grant;
}

/** Returns the options of a page that were given, or those with the grant that was given alone. */
export const toPageOptions = <O extends TestPageOptions>(granted: Grant | O): O | { readonly grant: Grant } =>
  isRecord(granted) && !('stores' in granted) ? granted : { grant: granted };
