import { randomUUID } from 'node:crypto';
import { type CacheMethods, DiskCacheError, type Key } from '../engine/index.ts';
import { isCorrupt, wrapListener } from '../engine/internal.ts';
import { getStoredFields, withoutCookies, withoutFragment } from '../http-semantics/fields.ts';
import { keepRequestsAlive, writeBody } from './bodies.ts';
import { appendCacheStatus, createStoredResponse } from './http/response.ts';
import { assertCacheAndFetch, assertingFetch } from './network.ts';
import { CHECKED_LATER, FUNCTION, type OptionRules, parseOptions, SIGNAL, TEXT } from './options.ts';

export interface PrecacheOptions {
  readonly cache: CacheMethods;
  readonly fetch: (request: Request) => Promise<Response>;
  /** Separates several precaches in one store. Default `''`. */
  readonly name?: string;
  /** Returns the current time in epoch milliseconds. Default `Date.now`. */
  readonly clock?: () => number;
  /** Called when the store has failed during a request (`CORRUPT`, `BUSY`, `CLOSED`, …); the request goes on without it. */
  readonly onStoreFailure?: (error: unknown, url: string) => void;
}

export interface PrecacheManifest {
  readonly version: string;
  readonly entries: readonly {
    readonly url: string;
    /** Changes with the content. Without it, the URL itself has to change with the content. */
    readonly revision?: string;
  }[];
}

export interface PrecacheProgress {
  readonly url: string;
  /** Number of URLs that are ready, of `total`. */
  readonly done: number;
  readonly total: number;
}

export interface PrecacheInstallOptions {
  readonly onProgress?: (progress: PrecacheProgress) => void;
  readonly signal?: AbortSignal;
}

const PRECACHE_OPTIONS: OptionRules<PrecacheOptions> = {
  cache: CHECKED_LATER,
  fetch: CHECKED_LATER,
  name: TEXT,
  clock: FUNCTION,
  onStoreFailure: FUNCTION,
};
const INSTALL_OPTIONS: OptionRules<PrecacheInstallOptions> = { onProgress: FUNCTION, signal: SIGNAL };

/** A URL of the installed version, without its body. */
interface PrecacheItem {
  readonly id: string;
  readonly revision: string | undefined;
  readonly status: number;
  readonly statusText: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly receivedAt: number;
}

const MAX_PARALLEL_FETCHES = 6;

/**
 * Files that are stored before they are requested, in versions. A version is installed whole: until all of it is on disk, and if
 * anything fails, the previous version is served. Use a store with `evictionPolicy: 'none'`; an evicted file is not found.
 *
 * Keys: `['precache', name]` has the version, `['precache', name, url]` a `PrecacheItem`, `['precache-body', name, id]` a body.
 */
export class Precache {
  readonly #cache: CacheMethods;
  readonly #fetch: (request: Request) => Promise<Response>;
  readonly #name: string;
  readonly #clock: () => number;
  readonly #onStoreFailure: (error: unknown, url: string) => void;
  #installing: Promise<unknown> = Promise.resolve();

  /** @throws {DiskCacheError} `BAD_OPTION` */
  constructor(options: PrecacheOptions) {
    const {
      cache,
      fetch,
      name = '',
      clock = Date.now,
      onStoreFailure = () => {},
    } = parseOptions('Precache', options, PRECACHE_OPTIONS);
    assertCacheAndFetch('Precache', { cache, fetch });
    this.#cache = cache;
    this.#fetch = assertingFetch('Precache', fetch);
    this.#name = name;
    this.#clock = clock;
    this.#onStoreFailure = wrapListener(onStoreFailure, 'onStoreFailure');
  }

  /** The installed version; undefined before the first. */
  get version(): string | undefined {
    return this.#cache.get(['precache', this.#name]) as string | undefined;
  }

  /**
   * Makes a manifest the installed version; fetches what is new in it. Installations in one process run one after the other.
   *
   * @throws {TypeError} if a URL can't be fetched or does not respond with a whole 2xx; {DiskCacheError} `DISK_FULL`, `TOO_LARGE`, `BUSY` if
   * another process has installed at the same time, `BAD_OPTION`; the signal's reason. The previous version stays.
   */
  async install(manifest: PrecacheManifest, options: PrecacheInstallOptions = {}): Promise<void> {
    parseOptions('install', options, INSTALL_OPTIONS);
    const installed = this.#installing.then(() => this.#install(manifest, options));
    this.#installing = installed.catch(() => undefined);
    return installed;
  }

  /**
   * Returns the response to a request from the installed version. Returns undefined if the version doesn't have it, if it is damaged,
   * until the next `install`, and if the store fails; both `onStoreFailure`, the given one and that of the options, get such an error.
   */
  async match(
    input: string | URL | Request,
    { onStoreFailure }: Pick<PrecacheOptions, 'onStoreFailure'> = {},
  ): Promise<Response | undefined> {
    // Not copied, because a copy would use up the body.
    const request = input instanceof Request ? input : new Request(input);
    if (request.method !== 'GET' && request.method !== 'HEAD') return undefined;
    const url = withoutFragment(request.url);
    let body: Key | undefined;
    const onFailure = (error: unknown): undefined => {
      this.#onStoreFailure(error, url);
      if (onStoreFailure !== undefined) wrapListener(onStoreFailure, 'onStoreFailure')(error, url);
      if (isCorrupt(error) && body !== undefined) this.#deleteBody(body);
    };
    try {
      const item = this.#getItem(url);
      if (item === undefined) return undefined;
      const headers = new Headers(withoutCookies(item.headers).map(([...pair]) => pair));
      appendCacheStatus(headers, { hit: true });
      body = this.#toBodyKey(item.id);
      const bytes = this.#cache.openBytes(body);
      return bytes && (await createStoredResponse(request, { ...item, url, headers }, bytes, onFailure));
    } catch (error) {
      return onFailure(error);
    }
  }

  async #install(manifest: PrecacheManifest, { onProgress, signal }: PrecacheInstallOptions): Promise<void> {
    const revisions = parseManifest(manifest);
    const items = new Map<string, PrecacheItem>();
    const fetched: string[] = [];
    const stop = new AbortController();
    const stopSignal = signal === undefined ? stop.signal : AbortSignal.any([stop.signal, signal]);
    const pending = revisions.entries();
    const work = async () => {
      for (const [url, revision] of pending) {
        stopSignal.throwIfAborted();
        items.set(
          url,
          this.#getUnchanged(url, revision) ?? (await this.#fetchItem(url, revision, fetched, stopSignal)),
        );
        onProgress?.({ url, done: items.size, total: revisions.size });
      }
    };
    this.#deleteBodiesExcept(new Set(this.#listInstalled().map(([, item]) => item?.id)));
    try {
      // The first failure stops the others; all have stopped before what they have fetched is deleted.
      await Promise.all(
        Array.from({ length: MAX_PARALLEL_FETCHES }, () => work().catch((error: unknown) => stop.abort(error))),
      );
      stopSignal.throwIfAborted();
      this.#activate(manifest.version, items);
    } catch (error) {
      this.#cache.deleteMany(fetched.map((id) => this.#toBodyKey(id)));
      throw error;
    }
  }

  /** Returns the item of the installed version if it has the same content and its body is stored. */
  #getUnchanged(url: string, revision: string | undefined): PrecacheItem | undefined {
    const item = this.#getUndamaged(url);
    return item !== undefined && item.revision === revision && this.#cache.has(this.#toBodyKey(item.id))
      ? item
      : undefined;
  }

  async #fetchItem(
    url: string,
    revision: string | undefined,
    fetched: string[],
    signal: AbortSignal,
  ): Promise<PrecacheItem> {
    const id = randomUUID();
    const request = new Request(url, { cache: 'reload', signal });
    const response = keepRequestsAlive(await this.#fetch(request), request);
    if (!response.ok || response.status === 206) {
      throw new TypeError(`Precaching stopped: ${url} responded with ${response.status}; fix or remove the entry`);
    }
    fetched.push(id);
    await writeBody(this.#cache, this.#toBodyKey(id), readChunks(response), () => {});
    const { status, statusText } = response;
    const headers = withoutCookies(getStoredFields(response.headers));
    return { id, revision, status, statusText, headers, receivedAt: this.#clock() };
  }

  /** Deletes a damaged body, so that it is fetched again; if that fails, the next request finds it damaged again. */
  #deleteBody(body: Key): void {
    try {
      this.#cache.delete(body);
    } catch (error) {
      this.#onStoreFailure(error, String((body as readonly Key[])[2]));
    }
  }

  #activate(version: string, items: ReadonlyMap<string, PrecacheItem>): void {
    this.#cache.transact(() => {
      for (const [url, { id }] of items) {
        if (!this.#cache.has(this.#toBodyKey(id))) {
          throw new DiskCacheError(
            'BUSY',
            `${url} was deleted during the installation, by another process or by eviction; install again`,
          );
        }
      }
      this.#cache.deleteMany(this.#listInstalled().map(([key]) => key));
      this.#cache.setMany([...items].map(([url, item]) => [['precache', this.#name, url], item]));
      this.#cache.set(['precache', this.#name], version);
      this.#deleteBodiesExcept(new Set([...items.values()].map(({ id }) => id)));
    });
  }

  /** Returns the keys and items of the installed version, undefined for a damaged item. */
  #listInstalled(): [Key, PrecacheItem | undefined][] {
    return [...this.#cache.keys({ prefix: ['precache', this.#name] })]
      .filter((key) => (key as readonly Key[]).length === 3)
      .map((key) => [key, this.#getUndamaged((key as readonly string[])[2]!)]);
  }

  /** Also deletes the leftovers of a killed installation. */
  #deleteBodiesExcept(excludedIds: ReadonlySet<unknown>): void {
    const keys = [...this.#cache.keys({ prefix: ['precache-body', this.#name] })];
    this.#cache.deleteMany(keys.filter((key) => !excludedIds.has((key as readonly Key[])[2])));
  }

  /** Returns undefined for a damaged item, which is then fetched again. */
  #getUndamaged(url: string): PrecacheItem | undefined {
    try {
      return this.#getItem(url);
    } catch (error) {
      if (!isCorrupt(error)) throw error;
      return undefined;
    }
  }

  #getItem(url: string): PrecacheItem | undefined {
    return this.#cache.get(['precache', this.#name, url]) as PrecacheItem | undefined;
  }

  #toBodyKey(id: string): Key {
    return ['precache-body', this.#name, id];
  }
}

async function* readChunks(response: Response): AsyncGenerator<Uint8Array> {
  for await (const chunk of response.body ?? []) yield chunk;
}

/**
 * Returns the revisions by URL. Manifests come from files and servers, so they are validated.
 *
 * @throws {DiskCacheError} `BAD_OPTION` that names the entry.
 */
function parseManifest({ version, entries }: PrecacheManifest): ReadonlyMap<string, string | undefined> {
  if (typeof version !== 'string' || !Array.isArray(entries))
    throw new DiskCacheError('BAD_OPTION', 'A manifest is { version: string, entries: [{ url, revision }, …] }');
  const revisions = new Map<string, string | undefined>();
  for (const [at, entry] of (entries as PrecacheManifest['entries']).entries()) {
    const { url, revision } = Object(entry) as PrecacheManifest['entries'][number];
    if (!URL.canParse(url) || (revision !== undefined && typeof revision !== 'string')) {
      throw new DiskCacheError(
        'BAD_OPTION',
        `Entry ${at} of the manifest is ${JSON.stringify(entry)}; give an absolute URL as url, and a string as revision, or none`,
      );
    }
    const href = withoutFragment(new URL(url).href);
    if (revisions.has(href) && revisions.get(href) !== revision) {
      throw new DiskCacheError(
        'BAD_OPTION',
        `Entry ${at} of the manifest repeats ${href} with another revision (${String(revision)}, ${String(revisions.get(href))}); list it once`,
      );
    }
    revisions.set(href, revision);
  }
  return revisions;
}
