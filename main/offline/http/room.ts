import { DiskCacheError } from '../../engine/index.ts';
import { withoutFragment } from './fields.ts';
import type { Flight } from './flight.ts';
import type { ResponseStore } from './response-store.ts';

/** What the steps of one HTTP cache work on. */
export class Room {
  readonly store: ResponseStore;
  readonly fetch: (request: Request) => Promise<Response>;
  readonly shared: boolean;
  readonly clock: () => number;
  readonly onStoreFailure: (error: unknown, url: string) => void;
  /** The requests under way that others may join, by URL without fragment. */
  readonly flights = new Map<string, Flight>();
  readonly #behind = new Set<Promise<void>>();

  constructor(parts: Pick<Room, 'store' | 'fetch' | 'shared' | 'clock' | 'onStoreFailure'>) {
    this.store = parts.store;
    this.fetch = parts.fetch;
    this.shared = parts.shared;
    this.clock = parts.clock;
    this.onStoreFailure = parts.onStoreFailure;
  }

  /** Forgets a URL, and what is on the way from it. */
  invalidate(url: string): boolean {
    const target = withoutFragment(url);
    const flight = this.flights.get(target);
    if (flight !== undefined) flight.isWanted = false;
    this.flights.delete(target);
    return this.store.delete(url);
  }

  /** Forgets everything, and what is on the way. */
  clear(): number {
    for (const flight of this.flights.values()) flight.isWanted = false;
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

  /** Work that nobody waits for. When it fails, what is stored stays as it is. */
  behind(work: Promise<void>): void {
    const settled = work.catch(() => undefined).finally(() => this.#behind.delete(settled));
    this.#behind.add(settled);
  }

  /** Resolves when nothing is going on behind the scenes. */
  async idle(): Promise<void> {
    while (this.#behind.size > 0) await Promise.all(this.#behind);
  }
}
