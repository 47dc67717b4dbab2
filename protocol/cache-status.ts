/** Where a response came from: the cache (fresh), the cache (stale), the cache after revalidation by the origin, or the origin. */
export type CacheStatus = 'hit' | 'stale' | 'revalidated' | 'miss';

/** The header of RFC 9211 §2, and the name of this cache in it. */
export const CACHE_STATUS_FIELD = 'cache-status';
export const CACHE_NAME = 'deskcache';

const OUR_PARAMETERS = /(?:^|,\s*)deskcache((?:;\s*[\w-]+(?:=[\w.-]+)?)*)\s*$/;

/** Returns this cache's part of the Cache-Status header; undefined if the response didn't pass through this cache. */
export function getCacheStatus(response: {
  readonly headers: { get(name: string): string | null };
}): CacheStatus | undefined {
  const parameters = OUR_PARAMETERS.exec(response.headers.get(CACHE_STATUS_FIELD) ?? '')?.[1];
  if (parameters === undefined) return undefined;
  if (/;\s*hit\b/.test(parameters)) return /;\s*ttl=-/.test(parameters) ? 'stale' : 'hit';
  return /;\s*fwd-status=304\b/.test(parameters) ? 'revalidated' : 'miss';
}
