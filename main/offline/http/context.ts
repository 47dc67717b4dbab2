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

/** What the steps of one HTTP cache work on. */
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

  /** With a `guard`: one that shares store and events with `unguarded`. */
  constructor(parts: ContextOptions, unguarded?: HttpCacheContext, guard?: RequestGuard) {
    this.#options = parts;
    this.guard = guard;
    this.inFlight = unguarded === undefined ? new InFlightRequests() : unguarded.inFlight.createSibling();
    this.#backgroundWork = unguarded === undefined ? new Set() : unguarded.#backgroundWork;
    this.store = parts.store;
    this.fetch = guard === undefined ? parts.fetch : guardFetch(parts.fetch, guard);
    this.shared = parts.shared;
    this.hiddenHeaders = parts.hiddenHeaders;
    this.clock = parts.clock;
    this.onStoreFailure = wrapListener(parts.onStoreFailure, 'onStoreFailure');
    this.onRevalidationFailure = wrapListener(parts.onRevalidationFailure, 'onRevalidationFailure');
  }

  /** The same for requests that a guard looks at. They don't join unguarded requests under way, nor these them. */
  withGuard(guard: RequestGuard): HttpCacheContext {
    return new HttpCacheContext(this.#options, this, guard);
  }

  /** A request that others may join. What was asked for before it is not stored after it. */
  startRequest(request: Request, isBackground: boolean): InFlightRequest {
    return this.inFlight.start(request, isBackground);
  }

  /** Forgets a URL, and what is on the way from it. */
  invalidate(url: string): boolean {
    this.inFlight.invalidate(withoutFragment(url));
    return this.store.delete(url);
  }

  /** Forgets everything, and what is on the way. */
  clear(): number {
    this.inFlight.invalidate();
    return this.store.clear();
  }

  /** What the store has to do with a request. Where it fails, however it does, the request goes on without it. */
  tryStore<T>(url: string, work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      this.onStoreFailure(error, url);
      return undefined;
    }
  }

  /** Background work. When it fails, what is stored stays as it is; being ended by `signal` isn't a failure. */
  runInBackground(url: string, work: Promise<void>, signal?: AbortSignal): void {
    const settled = work
      .catch((error: unknown) => signal?.aborted || this.onRevalidationFailure(error, url))
      .then(() => void this.#backgroundWork.delete(settled));
    this.#backgroundWork.add(settled);
  }

  /** Resolves when nothing is going on behind the scenes. */
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
