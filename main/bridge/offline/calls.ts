import { DiskCacheError } from '../../../protocol/error.ts';
import { MAX_CALLS } from '../../../protocol/offline.ts';
import type { Quota } from '../principal.ts';

/** The calls of one page that are under way, each with the way to give it up. */
export class Calls {
  readonly #open = new Map<number, AbortController>();
  readonly #quota: Quota;

  /** `quota`: those of all sessions of a principal. */
  constructor(quota: Quota) {
    this.#quota = quota;
  }

  get size(): number {
    return this.#open.size;
  }

  /** @throws {DiskCacheError} `NOT_ALLOWED` for a call without a number of its own, `BUSY` when too many are under way. */
  async run<T>(id: unknown, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    if (typeof id !== 'number' || this.#open.has(id))
      throw new DiskCacheError('NOT_ALLOWED', 'A call has a number that no other call has');
    if (this.#open.size >= MAX_CALLS)
      throw new DiskCacheError('BUSY', `This page has ${MAX_CALLS} calls under way; wait for answers`);
    this.#quota.take();
    const controller = new AbortController();
    this.#open.set(id, controller);
    try {
      return await work(controller.signal);
    } finally {
      this.#open.delete(id);
      this.#quota.release();
    }
  }

  abort(id: number): void {
    this.#open.get(id)?.abort();
  }

  close(reason: Error): void {
    for (const controller of this.#open.values()) controller.abort(reason);
  }
}
