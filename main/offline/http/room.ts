import { asListener } from '../../engine/internal.ts';
import type { RequestGuard } from '../request-guard.ts';
import { withoutFragment } from './fields.ts';
import type { Flight } from './flight.ts';
import { Flights } from './flights.ts';
import type { ResponseStore } from './response-store.ts';
import type { Readership } from './rules.ts';

type OnFailure = (error: unknown, url: string) => void;

type Parts = Readership & Pick<Room, 'store' | 'fetch' | 'clock' | 'onStoreFailure' | 'onRevalidationFailure'>;

/** What the steps of one HTTP cache work on. */
export class Room implements Readership {
  readonly store: ResponseStore;
  readonly fetch: (request: Request) => Promise<Response>;
  readonly shared: boolean;
  readonly unseen: ReadonlySet<string>;
  readonly clock: () => number;
  readonly onStoreFailure: OnFailure;
  readonly onRevalidationFailure: OnFailure;
  readonly flights: Flights;
  readonly #parts: Parts;
  readonly #behind: Set<Promise<void>>;
  readonly guard: RequestGuard | undefined;

  /** With a `guard`: one that shares store and events with `unguarded`. */
  constructor(parts: Parts, unguarded?: Room, guard?: RequestGuard) {
    this.#parts = parts;
    this.guard = guard;
    this.flights = unguarded === undefined ? new Flights() : unguarded.flights.apart();
    this.#behind = unguarded === undefined ? new Set() : unguarded.#behind;
    this.store = parts.store;
    this.fetch = guard === undefined ? parts.fetch : guarded(parts.fetch, guard);
    this.shared = parts.shared;
    this.unseen = parts.unseen;
    this.clock = parts.clock;
    this.onStoreFailure = asListener(parts.onStoreFailure, 'onStoreFailure');
    this.onRevalidationFailure = asListener(parts.onRevalidationFailure, 'onRevalidationFailure');
  }

  /** The same for requests that a guard looks at. They don't join unguarded requests under way, nor these them. */
  guardedBy(guard: RequestGuard): Room {
    return new Room(this.#parts, this, guard);
  }

  /** A request that others may join. What was asked for before it is not stored after it. */
  begin(request: Request, isBehind: boolean): Flight {
    return this.flights.begin(request, isBehind);
  }

  /** Forgets a URL, and what is on the way from it. */
  invalidate(url: string): boolean {
    this.flights.overtake(withoutFragment(url));
    return this.store.delete(url);
  }

  /** Forgets everything, and what is on the way. */
  clear(): number {
    this.flights.overtake();
    return this.store.clear();
  }

  /** What the store has to do with a request. Where it fails, however it does, the request goes on without it. */
  tried<T>(url: string, work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      this.onStoreFailure(error, url);
      return undefined;
    }
  }

  /** Work that nobody waits for. When it fails, what is stored stays as it is; that `signal` ended it is no failure. */
  behind(url: string, work: Promise<void>, signal?: AbortSignal): void {
    const settled = work
      .catch((error: unknown) => signal?.aborted || this.onRevalidationFailure(error, url))
      .then(() => void this.#behind.delete(settled));
    this.#behind.add(settled);
  }

  /** Resolves when nothing is going on behind the scenes. */
  async idle(): Promise<void> {
    while (this.#behind.size > 0) await Promise.all(this.#behind);
  }
}

const guarded =
  (fetch: Room['fetch'], guard: RequestGuard): Room['fetch'] =>
  async (request) => {
    await guard.beforeSending(request);
    return fetch(request);
  };
