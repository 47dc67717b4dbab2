import { DiskCacheError } from './error.ts';
import type { Key } from './key.ts';
import { parseKeyText, toKeyText } from './key-text.ts';
import { isStoreName } from './stores.ts';

/** The scheme under which the main process serves items. */
export const ASSET_SCHEME = 'deskcache';

/** What an address of the scheme names. */
export interface AssetAddress {
  /** In lower case, as hosts are: no two stores differ in case alone. */
  readonly store: string;
  readonly key: Key;
}

/**
 * The address of an item. A string is the path, percent-encoded but for its slashes: `deskcache://assets/img/logo.svg`. Every
 * other key, and a string that a browser would take for steps through folders (`..`), stands in the query, as text of
 * `key-text.ts`: `deskcache://assets/?key=["user",42]`, percent-encoded. Nothing of it is ever a path on a disk.
 *
 * @throws {DiskCacheError} `BAD_KEY`, and `BAD_OPTION` for what is no name of a declared store: a window's own shard has no address.
 */
export function toAssetUrl(store: string, key: Key): string {
  if (!isStoreName(store)) {
    throw new DiskCacheError('BAD_OPTION', `"${String(store)}" has no address: only declared stores can be served`);
  }
  // Also for a string, which is looked at there.
  const text = toKeyText(key);
  const site = `${ASSET_SCHEME}://${store.toLowerCase()}/`;
  return typeof key === 'string' && !DOT_SEGMENTS.test(key)
    ? site + key.split('/').map(encodeURIComponent).join('/')
    : `${site}?key=${encodeURIComponent(text)}`;
}

/** A segment `.` or `..`, which every parser of addresses resolves. */
const DOT_SEGMENTS = /(?:^|\/)\.\.?(?:\/|$)/;

const ADDRESS = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]+)(?:\/([^?#]*))?(?:\?([^#]*))?(?:#.*)?$/i;

/** @throws {DiskCacheError} `BAD_KEY` for what is no address of the scheme, or names no key. */
export function parseAssetUrl(url: string): AssetAddress {
  const [, scheme = '', host = '', path = '', search = ''] = ADDRESS.exec(url) ?? [];
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
  new DiskCacheError('BAD_KEY', `${url.slice(0, 128)} names no item; make addresses with diskCache.url(store, key)`, {
    cause,
  });
