import { CACHE_NAME, CACHE_STATUS } from '../../../protocol/provenance.ts';

export { type Provenance, provenanceOf } from '../../../protocol/provenance.ts';

/** How this cache handled a request, in the terms of RFC 9211; `ttl` is in seconds, and 0 or less is stale, none is fresh for good. */
export type Handling =
  | { readonly hit: true; readonly ttl?: number }
  | { readonly fwd: 'bypass' | 'method' | 'uri-miss' | 'stale' | 'request'; readonly fwdStatus?: number };

/** Adds what this cache did to Cache-Status (RFC 9211 §2), after what those nearer to the origin did. */
export function appendStatus(headers: Headers, handling: Handling): void {
  const told =
    'hit' in handling
      ? `; hit${handling.ttl === undefined ? '' : `; ttl=${wholeSeconds(handling.ttl)}`}`
      : `; fwd=${handling.fwd}${handling.fwdStatus === undefined ? '' : `; fwd-status=${handling.fwdStatus}`}`;
  headers.append(CACHE_STATUS, CACHE_NAME + told);
}

/** Below 0 for all that is stale: so the provenance is read back. */
const wholeSeconds = (ttl: number): number => (ttl > 0 ? Math.floor(ttl) : Math.min(-1, Math.floor(ttl)));
