import { DiskCacheError } from './error.ts';
import type { Key } from './key.ts';
import { parseKeyText, toKeyText } from './key-text.ts';
import { isStoreName } from './stores.ts';

/** The scheme under which the main process serves items. */
export const ASSET_SCHEME = 'deskcache';

/** The store and key that a URL of the scheme names. */
export interface AssetAddress {
  /** In lower case, because browsers lower-case hosts; no two stores differ only in case. */
  readonly store: string;
  readonly key: Key;
}

/**
 * Returns the URL of an item. A string key is the path, percent-encoded except for its slashes: `deskcache://assets/img/logo.svg`. Every
 * other key, and a string that contains dot segments (`..`), goes into the query as the text of `key-text.ts`:
 * `deskcache://assets/?key=["user",42]`, percent-encoded. No part of the URL is ever used as a path on disk.
 *
 * @throws {DiskCacheError} `BAD_KEY` for an invalid key, `BAD_OPTION` if `store` isn't the name of a declared store: a window's own shard
 * has no URL.
 */
export function toAssetUrl(store: string, key: Key): string {
  if (!isStoreName(store)) {
    throw new DiskCacheError('BAD_OPTION', `"${String(store)}" has no URL: only declared stores can be served`);
  }
  // Runs for strings as well, because it validates the key.
  const text = toKeyText(key);
  const base = `${ASSET_SCHEME}://${store.toLowerCase()}/`;
  return typeof key === 'string' && !DOT_SEGMENTS.test(key)
    ? base + key.split('/').map(encodeURIComponent).join('/')
    : `${base}?key=${encodeURIComponent(text)}`;
}

/** A segment `.` or `..`, which every URL parser resolves. */
const DOT_SEGMENTS = /(?:^|\/)\.\.?(?:\/|$)/;

const URL_PATTERN = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]+)(?:\/([^?#]*))?(?:\?([^#]*))?(?:#.*)?$/i;

/**
 * Returns the store and key of a URL.
 *
 * @throws {DiskCacheError} `BAD_KEY` if the URL has another scheme or names no key.
 */
export function parseAssetUrl(url: string): AssetAddress {
  const [, scheme = '', host = '', path = '', search = ''] = URL_PATTERN.exec(url) ?? [];
  if (scheme.toLowerCase() !== ASSET_SCHEME) throw badAssetUrl(url);
  try {
    const text = parseQuery(search).get('key');
    return { store: host.toLowerCase(), key: text === undefined ? decodeURIComponent(path) : parseKeyText(text) };
  } catch (error) {
    throw error instanceof DiskCacheError ? error : badAssetUrl(url, error);
  }
}

function parseQuery(search: string): ReadonlyMap<string, string> {
  const pairs = search.split('&').filter((pair) => pair !== '');
  return new Map(
    pairs.map((pair) => {
      const [name = '', ...value] = pair.split('=');
      return [decodeURIComponent(name), decodeURIComponent(value.join('='))];
    }),
  );
}

const badAssetUrl = (url: string, cause?: unknown): DiskCacheError =>
  new DiskCacheError('BAD_KEY', `${url.slice(0, 128)} names no item; make URLs with diskCache.url(store, key)`, {
    cause,
  });
