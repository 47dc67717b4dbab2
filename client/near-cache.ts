import { estimateBytes, isDense } from '../protocol/clone.ts';
import { isPlainObject } from '../protocol/native-types.ts';
import { NEAR_LEASE_MS } from '../protocol/notifications.ts';

/** Milliseconds until a page that was refused a lease requests one again. */
const LEASE_RETRY_MS = 5000;

/** Keys that can be looked up without encoding them; items with other keys are read from the main process. */
type NearKey = string | number;

interface CachedValue {
  readonly value: unknown;
  readonly copy: (value: unknown) => unknown;
  readonly bytes: number;
}

/**
 * Values of one store, cached in the page as they were read. The main process names the items that have changed, and responds to the writer
 * when they were dropped here. Nothing is read from here after the lease has ended.
 *
 * Invariant: a value is cached only if its key was not invalidated since the value was requested.
 */
export class NearCache {
  readonly #maxBytes: number;
  readonly #requestLease: () => Promise<boolean>;
  readonly #onFailure: (error: unknown) => void;
  /** Least recently read first. */
  readonly #items = new Map<NearKey, CachedValue>();
  /** Reads in flight; an invalidation of a key removes its read. */
  readonly #pendingReads = new Map<NearKey, object>();
  #bytes = 0;
  #leaseEnd = Number.NEGATIVE_INFINITY;
  /** The lease request in flight. A response to any other request belongs to a connection that has ended. */
  #leaseRequest: object | undefined;
  #retryAt = Number.NEGATIVE_INFINITY;

  /**
   * `requestLease` returns whether values cached before are still valid; `onFailure` receives the reason why there is no lease.
   */
  constructor(bytes: number, requestLease: () => Promise<boolean>, onFailure: (error: unknown) => void) {
    this.#maxBytes = bytes;
    this.#requestLease = requestLease;
    this.#onFailure = onFailure;
  }

  /** Returns the value of a key, from here or else by `fetch`. A hit is O(size of the value), because each caller gets a copy. */
  get(key: unknown, fetch: () => Promise<unknown>): Promise<unknown> {
    if (typeof key !== 'string' && typeof key !== 'number') return fetch();
    const left = this.#leaseEnd - performance.now();
    if (left < NEAR_LEASE_MS / 2) this.#renew();
    const item = left > 0 ? this.#items.get(key) : undefined;
    if (item === undefined) return this.#fetch(key, fetch);
    this.#items.delete(key);
    this.#items.set(key, item);
    return Promise.resolve(item.copy(item.value));
  }

  /** Removes an item, or all items, that changed or is about to change. */
  invalidate(key?: unknown): void {
    if (typeof key !== 'string' && typeof key !== 'number') {
      this.#items.clear();
      this.#pendingReads.clear();
      this.#bytes = 0;
      return;
    }
    this.#pendingReads.delete(key);
    this.#remove(key);
  }

  /** Invalidates everything: from now on no invalidations arrive. */
  endLease(): void {
    this.#leaseRequest = undefined;
    this.#retryAt = Number.NEGATIVE_INFINITY;
    this.#leaseEnd = Number.NEGATIVE_INFINITY;
    this.invalidate();
  }

  async #fetch(key: NearKey, fetch: () => Promise<unknown>): Promise<unknown> {
    const expected = {};
    this.#pendingReads.set(key, expected);
    try {
      const value = await fetch();
      if (value !== undefined && this.#pendingReads.get(key) === expected) this.#store(key, value);
      return value;
    } finally {
      if (this.#pendingReads.get(key) === expected) this.#pendingReads.delete(key);
    }
  }

  #store(key: NearKey, value: unknown): void {
    this.#remove(key);
    const weight = estimateBytes([key, value]);
    if (weight > this.#maxBytes) return;
    const copy = chooseCopier(value);
    this.#items.set(key, { value: copy(value), copy, bytes: weight });
    this.#bytes += weight;
    for (const oldest of this.#items.keys()) {
      if (this.#bytes <= this.#maxBytes) break;
      this.#remove(oldest);
    }
  }

  #remove(key: NearKey): void {
    this.#bytes -= this.#items.get(key)?.bytes ?? 0;
    this.#items.delete(key);
  }

  /** The lease counts from its request, so it ends here before it ends in the main process. */
  #renew(): void {
    const requestedAt = performance.now();
    if (this.#leaseRequest !== undefined || requestedAt < this.#retryAt) return;
    const request = {};
    this.#leaseRequest = request;
    this.#requestLease().then(
      (isValid) => {
        if (this.#leaseRequest !== request) return;
        this.#leaseRequest = undefined;
        if (!isValid) this.invalidate();
        this.#leaseEnd = requestedAt + NEAR_LEASE_MS;
      },
      (error: unknown) => {
        if (this.#leaseRequest !== request) return;
        this.endLease();
        this.#retryAt = performance.now() + LEASE_RETRY_MS;
        this.#onFailure(error);
      },
    );
  }
}

/** Returns the fastest deep copy for a value. Structured clone does too much for a tree of plain parts. */
function chooseCopier(value: unknown): (value: unknown) => unknown {
  if (typeof value !== 'object') return (same) => same;
  if (value instanceof Uint8Array) return (bytes) => (bytes as Uint8Array).slice();
  return isTree(value, new Set()) ? copyTree : structuredClone;
}

/** Returns whether a value consists of plain objects and dense arrays, each referenced once. */
function isTree(part: unknown, seen: Set<object>): boolean {
  if (typeof part !== 'object' || part === null) return true;
  if (seen.size === seen.add(part).size) return false;
  const parts = Object.values(part);
  const isPlain = Array.isArray(part) ? isDense(Object.keys(part), part.length) : isPlainObject(part);
  return isPlain && parts.every((inner) => isTree(inner, seen));
}

function copyTree(part: unknown): unknown {
  if (typeof part !== 'object' || part === null) return part;
  if (Array.isArray(part)) return part.map(copyTree);
  const copy: Record<string, unknown> = {};
  for (const name of Object.keys(part)) {
    const value = copyTree((part as Record<string, unknown>)[name]);
    if (name === '__proto__')
      Object.defineProperty(copy, name, { value, writable: true, enumerable: true, configurable: true });
    else copy[name] = value;
  }
  return copy;
}
