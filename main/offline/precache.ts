import { randomUUID } from 'node:crypto';
import { type CacheMethods, DiskCacheError, type Key } from '../engine/index.ts';
import { isCorrupt, wrapListener } from '../engine/internal.ts';
import { getStoredFields, withoutCookies, withoutFragment } from '../http-semantics/fields.ts';
import { keepRequestsAlive, writeBody } from './bodies.ts';
import { appendCacheStatus, createStoredResponse } from './http/response.ts';
import { assertCacheAndFetch, assertingFetch } from './network.ts';
import { FUNCTION, LOOKED_AT_LATER, type OptionRules, parseOptions, SIGNAL, TEXT } from './options.ts';

export interface PrecacheOptions {
  readonly cache: CacheMethods;
  readonly fetch: (request: Request) => Promise<Response>;
  /** Several precaches in one store have names. Default `''`. */
  readonly name?: string;
  /** Now, in epoch milliseconds. Default `Date.now`. */
  readonly clock?: () => number;
  /** Told when the store failed while a request was answered (`CORRUPT`, `BUSY`, `CLOSED`, …); the request goes on without it. */
  readonly onStoreFailure?: (error: unknown, url: string) => void;
}

export interface PrecacheManifest {
  readonly version: string;
  readonly entries: readonly {
    readonly url: string;
    /** Another one means another content. Without it the URL itself changes with its content. */
    readonly revision?: string;
  }[];
}

export interface PrecacheProgress {
  readonly url: string;
  /** So many of `total` are there. */
  readonly done: number;
  readonly total: number;
}

export interface PrecacheInstallOptions {
  readonly onProgress?: (progress: PrecacheProgress) => void;
  readonly signal?: AbortSignal;
}

const PRECACHE_OPTIONS: OptionRules<PrecacheOptions> = {
  cache: LOOKED_AT_LATER,
  fetch: LOOKED_AT_LATER,
  name: TEXT,
  clock: FUNCTION,
  onStoreFailure: FUNCTION,
};
const INSTALL_OPTIONS: OptionRules<PrecacheInstallOptions> = { onProgress: FUNCTION, signal: SIGNAL };

/** What is known of a URL of the installed version. */
interface PrecacheItem {
  readonly id: string;
  readonly revision: string | undefined;
  readonly status: number;
  readonly statusText: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly receivedAt: number;
}

/** So many are fetched at once. */
const MAX_PARALLEL_FETCHES = 6;

/**
 * Files that are there before they are asked for, in versions. A version is installed whole: until all of it is on disk, and when
 * anything fails, the one before answers. Keep it in a store with `evictionPolicy: 'none'`; what an evicting one has dropped is
 * simply not found.
 *
 * Keys: `['precache', name]` has the version, `['precache', name, url]` what is known of a URL, `['precache-body', name, id]` a body.
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

  /** The installed one; undefined before the first. */
  get version(): string | undefined {
    return this.#cache.get(['precache', this.#name]) as string | undefined;
  }

  /**
   * Makes a manifest the installed version; fetches what is new in it. Installations of one process follow each other.
   *
   * @throws {TypeError} when a URL can't be fetched or does not answer 2xx, whole; {DiskCacheError} `DISK_FULL`, `TOO_LARGE`, `BUSY` when
   * another process installed at the same time, `BAD_OPTION`; the signal's reason. The version before stays as it is.
   */
  async install(manifest: PrecacheManifest, options: PrecacheInstallOptions = {}): Promise<void> {
    parseOptions('install', options, INSTALL_OPTIONS);
    const installed = this.#installing.then(() => this.#install(manifest, options));
    this.#installing = installed.catch(() => undefined);
    return installed;
  }

  /**
   * The answer to a request from the installed version; undefined when it has none, a damaged one, until the next `installInSession`, and when
   * the store fails, of which `onStoreFailure` is told, and who is named here, too.
   */
  async match(
    input: string | URL | Request,
    { onStoreFailure }: Pick<PrecacheOptions, 'onStoreFailure'> = {},
  ): Promise<Response | undefined> {
    // As it is: a copy would use its body up.
    const request = input instanceof Request ? input : new Request(input);
    if (request.method !== 'GET' && request.method !== 'HEAD') return undefined;
    const url = withoutFragment(request.url);
    let body: Key | undefined;
    const failed = (error: unknown): undefined => {
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
      return bytes && (await createStoredResponse(request, { ...item, url, headers }, bytes, failed));
    } catch (error) {
      return failed(error);
    }
  }

  async #install(manifest: PrecacheManifest, { onProgress, signal }: PrecacheInstallOptions): Promise<void> {
    const wanted = parseManifest(manifest);
    const items = new Map<string, PrecacheItem>();
    const fetched: string[] = [];
    const stop = new AbortController();
    const stopped = signal === undefined ? stop.signal : AbortSignal.any([stop.signal, signal]);
    const todo = wanted.entries();
    const work = async () => {
      for (const [url, revision] of todo) {
        stopped.throwIfAborted();
        items.set(url, this.#getUnchanged(url, revision) ?? (await this.#fetchItem(url, revision, fetched, stopped)));
        onProgress?.({ url, done: items.size, total: wanted.size });
      }
    };
    this.#deleteBodiesExcept(new Set(this.#listInstalled().map(([, item]) => item?.id)));
    try {
      // The first failure stops the others, and all have stopped before what they left is deleted.
      await Promise.all(
        Array.from({ length: MAX_PARALLEL_FETCHES }, () => work().catch((error: unknown) => stop.abort(error))),
      );
      stopped.throwIfAborted();
      this.#activate(manifest.version, items);
    } catch (error) {
      this.#cache.deleteMany(fetched.map((id) => this.#toBodyKey(id)));
      throw error;
    }
  }

  /** The item of the installed version, where it is the same content and is there. */
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
      throw new TypeError(`Precaching stopped: ${url} answered ${response.status}`);
    }
    fetched.push(id);
    await writeBody(this.#cache, this.#toBodyKey(id), readChunks(response), () => {});
    const { status, statusText } = response;
    const headers = withoutCookies(getStoredFields(response.headers));
    return { id, revision, status, statusText, headers, receivedAt: this.#clock() };
  }

  /** So that what is damaged is fetched again; where that fails it is found damaged again. */
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
            `${url} is gone again: another process installs, or the store evicts; install once more`,
          );
        }
      }
      this.#cache.deleteMany(this.#listInstalled().map(([key]) => key));
      this.#cache.setMany([...items].map(([url, item]) => [['precache', this.#name, url], item]));
      this.#cache.set(['precache', this.#name], version);
      this.#deleteBodiesExcept(new Set([...items.values()].map(({ id }) => id)));
    });
  }

  /** Undefined for a URL whose row is damaged. */
  #listInstalled(): [Key, PrecacheItem | undefined][] {
    return [...this.#cache.keys({ prefix: ['precache', this.#name] })]
      .filter((key) => (key as readonly Key[]).length === 3)
      .map((key) => [key, this.#getUndamaged((key as readonly string[])[2]!)]);
  }

  /** Also what an installation left behind that was killed. */
  #deleteBodiesExcept(kept: ReadonlySet<unknown>): void {
    const keys = [...this.#cache.keys({ prefix: ['precache-body', this.#name] })];
    this.#cache.deleteMany(keys.filter((key) => !kept.has((key as readonly Key[])[2])));
  }

  /** What is damaged is not there: it is fetched again. */
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
 * The revisions by their URLs. Manifests are read from files and servers, so they are looked at.
 *
 * @throws {DiskCacheError} `BAD_OPTION` that names the entry.
 */
function parseManifest({ version, entries }: PrecacheManifest): ReadonlyMap<string, string | undefined> {
  if (typeof version !== 'string' || !Array.isArray(entries))
    throw new DiskCacheError('BAD_OPTION', 'A manifest is { version: string, entries: [{ url, revision }, …] }');
  const wanted = new Map<string, string | undefined>();
  for (const [at, entry] of (entries as PrecacheManifest['entries']).entries()) {
    const { url, revision } = Object(entry) as PrecacheManifest['entries'][number];
    if (!URL.canParse(url) || (revision !== undefined && typeof revision !== 'string')) {
      throw new DiskCacheError(
        'BAD_OPTION',
        `Entry ${at} of the manifest is ${JSON.stringify(entry)}; give a whole address as url, and a string as revision or none`,
      );
    }
    const address = withoutFragment(new URL(url).href);
    if (wanted.has(address) && wanted.get(address) !== revision) {
      throw new DiskCacheError(
        'BAD_OPTION',
        `Entry ${at} of the manifest names ${address} once more, with another revision (${String(revision)}, ${String(wanted.get(address))}); name it once`,
      );
    }
    wanted.set(address, revision);
  }
  return wanted;
}
