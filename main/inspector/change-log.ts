import { toErrorData } from '../../protocol/error.ts';
import type { Change, Key } from '../engine/index.ts';
import { toJson } from '../engine/values/json-value.ts';
import type { ChangeRecord, Changes, ErrorInfo } from './contract.ts';
import type { InspectedStore, InspectionSource } from './inspected-stores.ts';

/** Changes that are kept for pages that ask later. */
const MAX_CHANGES = 1000;
/** Stores are followed until no page has asked for this long: following costs other processes that write. */
const IDLE_MS = 30_000;

/** The latest changes of all stores, followed while a page asks for them. */
export class ChangeLog {
  readonly #source: InspectionSource;
  readonly #followed = new Map<object, () => void>();
  readonly #unfollowed = new Map<string, ErrorInfo>();
  #changes: ChangeRecord[] = [];
  #next = 1;
  #idleTimer: NodeJS.Timeout | undefined;

  constructor(source: InspectionSource) {
    this.#source = source;
  }

  /** Returns the changes from a sequence number on, and begins to follow the stores. */
  read(since: number): Changes {
    clearTimeout(this.#idleTimer);
    this.#idleTimer = setTimeout(() => this.close(), IDLE_MS).unref();
    this.#follow();
    const first = this.#changes[0]?.sequence ?? this.#next;
    const missed = since === 0 ? 0 : Math.max(0, Math.min(first, this.#next) - since);
    return {
      changes: this.#changes.filter(({ sequence }) => sequence >= since),
      next: this.#next,
      missed,
      unfollowed: [...this.#unfollowed].map(([store, error]) => ({ store, error })),
    };
  }

  close(): void {
    clearTimeout(this.#idleTimer);
    for (const unsubscribe of this.#followed.values()) unsubscribe();
    this.#followed.clear();
    this.#unfollowed.clear();
  }

  #follow(): void {
    for (const inspected of this.#source.listStores()) {
      if (inspected.kind === undefined || this.#followed.has(inspected.store)) continue;
      try {
        const unsubscribe = subscribe(inspected, (kind, key) => this.#add(inspected.name, kind, key));
        this.#followed.set(inspected.store, unsubscribe);
        this.#unfollowed.delete(inspected.name);
      } catch (error) {
        this.#unfollowed.set(inspected.name, toErrorData(error));
      }
    }
  }

  #add(store: string, kind: string, key: Key | undefined): void {
    const named = key === undefined ? {} : { key: toJson(key) };
    this.#changes.push({ sequence: this.#next++, at: Date.now(), store, kind, ...named });
    // Half of them at a time, so that a flood of changes doesn't copy the list for each.
    if (this.#changes.length > 2 * MAX_CHANGES) this.#changes = this.#changes.slice(-MAX_CHANGES);
  }
}

type ChangeCallback = (kind: string, key: Key | undefined) => void;

function subscribe(inspected: Exclude<InspectedStore, { kind: undefined }>, onChange: ChangeCallback): () => void {
  if (inspected.kind === 'deque') return inspected.store.subscribe(({ kind }) => onChange(kind, undefined));
  if (inspected.kind === 'queue') return inspected.store.subscribe(({ kind, id }) => onChange(kind, id));
  if (inspected.kind === 'settings') return inspected.store.subscribe(({ kind, key }) => onChange(kind, [key]));
  return (inspected.store as Subscribable).subscribe(({ kind, key }) => onChange(kind, key));
}

interface Subscribable {
  subscribe(listener: (change: Change) => void): () => void;
}
