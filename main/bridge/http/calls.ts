import { setTimeout as pause } from 'node:timers/promises';
import { DiskCacheError } from '../../../protocol/error.ts';
import { type HttpFault, MAX_HTTP_CALLS, type QueryOptions, type Reply } from '../../../protocol/http.ts';
import { redactDirectories, toPageErrorData } from '../../../protocol/redaction.ts';
import type { StrategyOptions } from '../../../protocol/strategy.ts';
import type { Quota } from '../principal.ts';

/** The services behind a page's port for `fetch`, CacheStorage and the network state. */
export interface HttpBackend {
  /**
   * Returns the handler of the page's requests for a scheme (`https:`); without a scheme, the one that knows whether there is a network.
   *
   * @throws {DiskCacheError} `NOT_ALLOWED` if there is no handler, or none for this scheme.
   */
  getHandler(scheme?: string): RequestHandler;
  /** Returns the application's caches; `add` fetches as the page's session does. */
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

/** The standard `CacheStorage`, with an id for each cache. */
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

/** Converts anything thrown to data. As with `fetch`, anything but a `DiskCacheError` or an abort becomes a `TypeError` in the page. */
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

/** The calls of one page that are in flight, with the means to abort each. */
export class InFlightCalls {
  readonly #controllers = new Map<number, AbortController>();
  readonly #quota: Quota;

  /** `quota`: shared by all sessions of a principal. */
  constructor(quota: Quota) {
    this.#quota = quota;
  }

  get size(): number {
    return this.#controllers.size;
  }

  /** @throws {DiskCacheError} `NOT_ALLOWED` if the call's number is missing or in use, `BUSY` if too many are in flight. */
  async run<T>(id: unknown, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    if (typeof id !== 'number' || this.#controllers.has(id))
      throw new DiskCacheError('NOT_ALLOWED', 'A call needs a number that no other call in flight has');
    if (this.#controllers.size >= MAX_HTTP_CALLS)
      throw new DiskCacheError('BUSY', `This page has ${MAX_HTTP_CALLS} calls in flight; wait for responses`);
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

/** Milliseconds between two checks whether the page has received its responses. */
const CHECK_INTERVAL_MS = 10;

/**
 * Produces responses only as fast as the page receives them.
 *
 * Invariant: a waiting call continues when the page has received enough, or fails when the session is closed.
 */
export class Pace {
  readonly #mayRespond: () => boolean;
  readonly #isOpen: () => boolean;
  #nextCheck: Promise<void> | undefined;
  #lastTurn: Promise<unknown> = Promise.resolve();

  /** `mayRespond` returns whether the page has received enough of what it was sent. */
  constructor(mayRespond: () => boolean, isOpen: () => boolean) {
    this.#mayRespond = mayRespond;
    this.#isOpen = isOpen;
  }

  /**
   * Resolves when another response may be produced.
   *
   * @throws {DiskCacheError} `DISCONNECTED` if the session is closed while waiting.
   */
  async whenReceived(): Promise<void> {
    while (this.#isOpen() && !this.#mayRespond()) {
      // One timer for all waiting calls.
      this.#nextCheck ??= pause(CHECK_INTERVAL_MS).finally(() => {
        this.#nextCheck = undefined;
      });
      await this.#nextCheck;
    }
    if (!this.#isOpen()) throw new DiskCacheError('DISCONNECTED', 'The session of this page was closed');
  }

  /** Waits until all earlier turns have ended. Returns a function that ends this turn; call it once the response has been counted. */
  async enterTurn(): Promise<() => void> {
    const before = this.#lastTurn;
    let end = () => {};
    this.#lastTurn = new Promise<void>((resolve) => {
      end = resolve;
    });
    await before;
    return end;
  }
}
