/** Where a response came from: stored and fresh, stored and stale, stored and confirmed by the origin, or from the origin. */
export type Provenance = 'hit' | 'stale' | 'revalidated' | 'miss';

const CACHE = 'deskcache';
const FIELD = 'cache-status';
const OURS = /(?:^|,\s*)deskcache((?:;\s*[\w-]+(?:=[\w.-]+)?)*)\s*$/;

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
  headers.append(FIELD, CACHE + told);
}

/** Below 0 for all that is stale: so the provenance is read back. */
const wholeSeconds = (ttl: number): number => (ttl > 0 ? Math.floor(ttl) : Math.min(-1, Math.floor(ttl)));

/** What this cache's part of Cache-Status says; undefined for a response that didn't come through it. */
export function provenanceOf(response: { readonly headers: Headers }): Provenance | undefined {
  const parameters = OURS.exec(response.headers.get(FIELD) ?? '')?.[1];
  if (parameters === undefined) return undefined;
  if (/;\s*hit\b/.test(parameters)) return /;\s*ttl=-/.test(parameters) ? 'stale' : 'hit';
  return /;\s*fwd-status=304\b/.test(parameters) ? 'revalidated' : 'miss';
}
