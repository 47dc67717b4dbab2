import { DiskCacheError } from '../../../protocol/error.ts';
import { type HttpFault, MAX_HTTP_CALLS, type QueryOptions, type Reply } from '../../../protocol/http.ts';
import { redactDirectories, toPageErrorData } from '../../../protocol/redaction.ts';
import type { StrategyOptions } from '../../../protocol/strategy.ts';
import type { Quota } from '../principal.ts';

/** What stands behind a page's port for `fetch`, CacheStorage and the connection. */
export interface HttpBackend {
  /**
   * What answers the page's requests for a scheme (`https:`); without one, what knows whether there is a network.
   *
   * @throws {DiskCacheError} `NOT_ALLOWED` where nothing does, or not this scheme.
   */
  getHandler(scheme?: string): RequestHandler;
  /** The application's caches; `add` goes to the network as the page's session does. */
  readonly caches: () => BackendCacheStorage;
}

export interface RequestHandler {
  respond(request: Request, plan?: StrategyOptions): Promise<Response>;
  readonly connection: {
    isOnline(): boolean;
    set(online: boolean): void;
    subscribe(listener: (online: boolean) => void): () => void;
  };
}

/** The standard's `CacheStorage`, whose caches have ids. */
export interface BackendCacheStorage {
  open(name: string): Promise<{ readonly id: string }>;
  has(name: string): Promise<boolean>;
  delete(name: string): Promise<boolean>;
  keys(): Promise<string[]>;
  match(request: Request, options: QueryOptions & { readonly cacheName?: string }): Promise<Response | undefined>;
  withId(id: string): BackendCache;
}

export interface BackendCache {
  match(request: Request, options: QueryOptions): Promise<Response | undefined>;
  matchAll(request: Request | undefined, options: QueryOptions): Promise<Response[]>;
  addAll(requests: readonly Request[]): Promise<void>;
  put(request: Request, response: Response): Promise<void>;
  delete(request: Request, options: QueryOptions): Promise<boolean>;
  keys(request: Request | undefined, options: QueryOptions): Promise<Request[]>;
}

/** Anything thrown, as data. As with `fetch`, whatever else than an error of ours or an abort it was, the page gets a `TypeError`. */
function toFault(error: unknown): HttpFault {
  if (error instanceof DiskCacheError) return toPageErrorData(error);
  if (error instanceof DOMException) return { exception: error.name, message: redactDirectories(error.message) };
  if (!(error instanceof Error)) return { exception: 'TypeError', message: redactDirectories(String(error)) };
  const { message, cause } = error;
  const more = cause instanceof Error && !message.includes(cause.message) ? `: ${cause.message}` : '';
  return { exception: 'TypeError', message: redactDirectories(message + more) };
}

export const toError = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new TypeError(String(thrown)));

export async function captureReply<T>(work: () => T | Promise<T>): Promise<Reply<T>> {
  try {
    return { value: await work() };
  } catch (error) {
    return { fault: toFault(error) };
  }
}

/** The calls of one page that are under way, each with the way to give it up. */
export class InFlightCalls {
  readonly #controllers = new Map<number, AbortController>();
  readonly #quota: Quota;

  /** `quota`: those of all sessions of a principal. */
  constructor(quota: Quota) {
    this.#quota = quota;
  }

  get size(): number {
    return this.#controllers.size;
  }

  /** @throws {DiskCacheError} `NOT_ALLOWED` for a call without a number of its own, `BUSY` when too many are under way. */
  async run<T>(id: unknown, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    if (typeof id !== 'number' || this.#controllers.has(id))
      throw new DiskCacheError('NOT_ALLOWED', 'A call has a number that no other call has');
    if (this.#controllers.size >= MAX_HTTP_CALLS)
      throw new DiskCacheError('BUSY', `This page has ${MAX_HTTP_CALLS} calls under way; wait for answers`);
    this.#quota.acquire();
    const controller = new AbortController();
    this.#controllers.set(id, controller);
    try {
      return await work(controller.signal);
    } finally {
      this.#controllers.delete(id);
      this.#quota.release();
    }
  }

  abort(id: number): void {
    this.#controllers.get(id)?.abort();
  }

  close(reason: Error): void {
    for (const controller of this.#controllers.values()) controller.abort(reason);
  }
}
