import { DiskCacheError } from '../../engine/index.ts';
import { withoutFragment } from './fields.ts';
import { Flight } from './flight.ts';
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
  /** The requests under way that others may join, by URL without fragment. */
  readonly flights = new Map<string, Flight>();
  /** Those whose answers are on the way to the disk, also when others can't join them any more. */
  readonly recordings = new Set<Flight>();
  readonly #behind = new Set<Promise<void>>();

  constructor(parts: Parts) {
    this.store = parts.store;
    this.fetch = parts.fetch;
    this.shared = parts.shared;
    this.unseen = parts.unseen;
    this.clock = parts.clock;
    this.onStoreFailure = asListener(parts.onStoreFailure);
    this.onRevalidationFailure = asListener(parts.onRevalidationFailure);
  }

  /** A request that others may join. What was asked for before it is not stored after it. */
  begin(url: string, isBehind: boolean): Flight {
    this.#overtake(url);
    const flight = new Flight(url, isBehind);
    this.flights.set(url, flight);
    return flight;
  }

  /** Forgets a URL, and what is on the way from it. */
  invalidate(url: string): boolean {
    this.#overtake(withoutFragment(url));
    return this.store.delete(url);
  }

  /** Forgets everything, and what is on the way. */
  clear(): number {
    for (const flight of [...this.flights.values(), ...this.recordings]) flight.isWanted = false;
    this.flights.clear();
    return this.store.clear();
  }

  /** What the store has to do with a request. Where it fails, the request goes on without it. */
  tried<T>(url: string, work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof DiskCacheError)) throw error;
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

  #overtake(url: string): void {
    const joinable = this.flights.get(url);
    if (joinable !== undefined) joinable.isWanted = false;
    this.flights.delete(url);
    for (const flight of this.recordings) if (flight.url === url) flight.isWanted = false;
  }
}

/** As with an event target: what a listener throws is its own and reported as uncaught; the request goes on. */
function asListener(listener: OnFailure): OnFailure {
  return (error, url) => {
    try {
      listener(error, url);
    } catch (thrown) {
      queueMicrotask(() => {
        throw thrown;
      });
    }
  };
}
