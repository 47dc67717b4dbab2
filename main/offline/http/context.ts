import { wrapListener } from '../../engine/internal.ts';
import { withoutFragment } from '../../http-semantics/fields.ts';
import type { RequestGuard } from '../network.ts';
import type { InFlightRequest } from './in-flight-requests.ts';
import { InFlightRequests } from './in-flight-requests.ts';
import type { CacheAudience } from './policy.ts';
import type { ResponseStore } from './response-store.ts';

type OnFailure = (error: unknown, url: string) => void;

type ContextOptions = CacheAudience &
  Pick<HttpCacheContext, 'store' | 'fetch' | 'clock' | 'onStoreFailure' | 'onRevalidationFailure'>;

/** What the functions of one HTTP cache work on. */
export class HttpCacheContext implements CacheAudience {
  readonly store: ResponseStore;
  readonly fetch: (request: Request) => Promise<Response>;
  readonly shared: boolean;
  readonly hiddenHeaders: ReadonlySet<string>;
  readonly clock: () => number;
  readonly onStoreFailure: OnFailure;
  readonly onRevalidationFailure: OnFailure;
  readonly inFlight: InFlightRequests;
  readonly #options: ContextOptions;
  readonly #backgroundWork: Set<Promise<void>>;
  readonly guard: RequestGuard | undefined;

  /** A context with a `guard` shares store and events with `unguarded`. */
  constructor(options: ContextOptions, unguarded?: HttpCacheContext, guard?: RequestGuard) {
    this.#options = options;
    this.guard = guard;
    this.inFlight = unguarded === undefined ? new InFlightRequests() : unguarded.inFlight.createSibling();
    this.#backgroundWork = unguarded === undefined ? new Set() : unguarded.#backgroundWork;
    this.store = options.store;
    this.fetch = guard === undefined ? options.fetch : guardFetch(options.fetch, guard);
    this.shared = options.shared;
    this.hiddenHeaders = options.hiddenHeaders;
    this.clock = options.clock;
    this.onStoreFailure = wrapListener(options.onStoreFailure, 'onStoreFailure');
    this.onRevalidationFailure = wrapListener(options.onRevalidationFailure, 'onRevalidationFailure');
  }

  /** Returns the same context for requests that `guard` checks. Guarded and unguarded requests don't join each other. */
  withGuard(guard: RequestGuard): HttpCacheContext {
    return new HttpCacheContext(this.#options, this, guard);
  }

  /** Starts a request that others may join. The response to an earlier equal request is not stored after it. */
  startRequest(request: Request, isBackground: boolean): InFlightRequest {
    return this.inFlight.start(request, isBackground);
  }

  /** Deletes what is stored for a URL, and keeps responses under way from being stored. */
  invalidate(url: string): boolean {
    this.inFlight.invalidate(withoutFragment(url));
    return this.store.delete(url);
  }

  /** Deletes everything, and keeps responses under way from being stored. */
  clear(): number {
    this.inFlight.invalidate();
    return this.store.clear();
  }

  /** Runs `work` on the store. If that fails, `onStoreFailure` is called and the request goes on without the store. */
  tryStore<T>(url: string, work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      this.onStoreFailure(error, url);
      return undefined;
    }
  }

  /** Runs `work` in the background. If it fails, the stored response stays; an abort by `signal` isn't a failure. */
  runInBackground(url: string, work: Promise<void>, signal?: AbortSignal): void {
    const settled = work
      .catch((error: unknown) => signal?.aborted || this.onRevalidationFailure(error, url))
      .then(() => void this.#backgroundWork.delete(settled));
    this.#backgroundWork.add(settled);
  }

  /** Resolves when no background work is left. */
  async idle(): Promise<void> {
    while (this.#backgroundWork.size > 0) await Promise.all(this.#backgroundWork);
  }
}

const guardFetch =
  (fetch: HttpCacheContext['fetch'], guard: RequestGuard): HttpCacheContext['fetch'] =>
  async (request) => {
    await guard.beforeSending(request);
    return fetch(request);
  };
