import type { CacheFace, Key } from '../engine/index.ts';
import { isCorrupt, isGone, newOwner, type Owner } from '../engine/internal.ts';

/** A store is looked through when it is first written to, and then at most so often. Milliseconds. */
const SWEEP_INTERVAL_MS = 24 * 60 * 60 * 1000;

/** What is known of a body that is on its way: who writes it, and where it will be. */
interface Note {
  readonly owner: Owner;
  readonly body: Key;
}

/** When a store was last looked through, by kind. */
const sweptAt = new WeakMap<CacheFace, Map<string, number>>();

/**
 * Bodies that nothing names yet: they are written before the item that names them. `[kind, name, id]` notes who writes one, so that what
 * a process has left that was killed can be told from what is being written.
 *
 * Invariant: a body that is in the store and named by no item has a note.
 */
export class StagedBodies {
  readonly #cache: CacheFace;
  readonly #kind: string;
  readonly #name: string;

  constructor(cache: CacheFace, kind: string, name: string) {
    this.#cache = cache;
    this.#kind = kind;
    this.#name = name;
  }

  begin(id: string, body: Key): StagedBody {
    return new StagedBody(this.#cache, [this.#kind, this.#name, id], body);
  }

  /** Deletes what ended processes have left, when it is time to look. O(bodies being written). Errors are given to `onFailure`. */
  sweep(onFailure: (error: unknown) => void): void {
    const times = sweptAt.get(this.#cache) ?? new Map<string, number>();
    sweptAt.set(this.#cache, times);
    const name = `${this.#kind} ${this.#name}`;
    const now = performance.now();
    if (now - (times.get(name) ?? Number.NEGATIVE_INFINITY) < SWEEP_INTERVAL_MS) return;
    times.set(name, now);
    try {
      const prefix = [this.#kind, this.#name];
      for (const key of [...this.#cache.keys({ prefix })]) this.#sweepOne(key);
    } catch (error) {
      onFailure(error);
    }
  }

  #sweepOne(key: Key): void {
    const note = this.#read(key);
    if (note !== undefined && !isGone(note.owner)) return;
    this.#cache.transact(() => {
      if (note !== undefined) this.#cache.delete(note.body);
      this.#cache.delete(key);
    });
  }

  /** Undefined for a note that is damaged. */
  #read(key: Key): Note | undefined {
    try {
      return this.#cache.get(key) as Note | undefined;
    } catch (error) {
      if (!isCorrupt(error)) throw error;
      return undefined;
    }
  }
}

/** One body on its way. */
export class StagedBody {
  readonly #cache: CacheFace;
  readonly #note: Key;
  readonly #body: Key;
  #isNoted = false;

  constructor(cache: CacheFace, note: Key, body: Key) {
    this.#cache = cache;
    this.#note = note;
    this.#body = body;
  }

  /** Before the body is in the store, or in the transaction that stores it. */
  note(): void {
    if (this.#isNoted) return;
    this.#cache.set(this.#note, { owner: newOwner(), body: this.#body } satisfies Note);
    this.#isNoted = true;
  }

  /** In the transaction that names it. */
  named(): void {
    if (this.#isNoted) this.#cache.delete(this.#note);
  }

  /** Nothing will name it. What can't be deleted now is deleted when this process has ended. */
  drop(): void {
    try {
      this.#cache.transact(() => {
        this.#cache.delete(this.#body);
        this.named();
      });
    } catch {
      // Why it is dropped is being told already.
    }
  }
}
