/** Where a response came from: stored and fresh, stored and stale, stored and confirmed by the origin, or from the origin. */
export type CacheStatus = 'hit' | 'stale' | 'revalidated' | 'miss';

/** The field of RFC 9211 §2, and how this cache calls itself in it. */
export const CACHE_STATUS_FIELD = 'cache-status';
export const CACHE_NAME = 'deskcache';

const OUR_PARAMETERS = /(?:^|,\s*)deskcache((?:;\s*[\w-]+(?:=[\w.-]+)?)*)\s*$/;

/** What this cache's part of Cache-Status says; undefined for a response that didn't come through it. */
export function getCacheStatus(response: {
  readonly headers: { get(name: string): string | null };
}): CacheStatus | undefined {
  const parameters = OUR_PARAMETERS.exec(response.headers.get(CACHE_STATUS_FIELD) ?? '')?.[1];
  if (parameters === undefined) return undefined;
  if (/;\s*hit\b/.test(parameters)) return /;\s*ttl=-/.test(parameters) ? 'stale' : 'hit';
  return /;\s*fwd-status=304\b/.test(parameters) ? 'revalidated' : 'miss';
}
