import type { Access } from '../../protocol/contract/signature.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import { storedWeight } from '../../protocol/stored-weight.ts';
import { type Grant, grants } from './grant.ts';

/** How much the pages of one window and origin have written, over all their connections. */
export interface Usage {
  written: number;
}

/** A grant in use by one session: what it covers, and how much of it is left. */
export class Permit {
  readonly #grant: Grant;
  readonly #usage: Usage;

  constructor(grant: Grant, usage: Usage = { written: 0 }) {
    this.#grant = grant;
    this.#usage = usage;
  }

  /** Whether what is written has to be counted. */
  get isLimited(): boolean {
    return this.#grant.bytes !== undefined;
  }

  /** @throws {DiskCacheError} `NOT_ALLOWED` unless the grant covers such an access to the store. */
  demand(store: string, needed: Access): void {
    if (grants(this.#grant, store, needed)) return;
    throw new DiskCacheError(
      'NOT_ALLOWED',
      `This page was not granted "${needed}" on store "${store.slice(0, 64)}"; authorize(frame) in the main process decides`,
    );
  }

  /** As `demand`, for what `'*'` doesn't mean. */
  demandNamed(name: string, needed: Access): void {
    this.demand(name, needed);
    if (Object.hasOwn(this.#grant.stores, name)) return;
    throw new DiskCacheError(
      'NOT_ALLOWED',
      `This page was not granted "${name}", which "*" does not include; authorize(frame) in the main process decides`,
    );
  }

  /** @throws {DiskCacheError} `NOT_ALLOWED` where bytes are limited, for what brings so many that nobody knows it before. */
  demandUnlimited(what: string): void {
    if (this.#grant.bytes === undefined) return;
    throw new DiskCacheError('NOT_ALLOWED', `This page was granted ${this.#grant.bytes} bytes, which excludes ${what}`);
  }

  /**
   * Counts what a write brings, item by item: what is stored in several of them is stored several times. `writtenOut`: as JSON, in
   * which that is so within an item, too.
   *
   * @throws {DiskCacheError} `TOO_LARGE` when it is more than what is left.
   */
  charge(items: Iterable<unknown>, writtenOut = false): void {
    const { bytes } = this.#grant;
    if (bytes === undefined) return;
    const usage = this.#usage;
    let weight = 0;
    for (const item of items) {
      weight += storedWeight(item, writtenOut);
      if (usage.written + weight <= bytes) continue;
      throw new DiskCacheError(
        'TOO_LARGE',
        `This page was granted ${bytes} bytes of writes, has used ${usage.written} and wants at least ${weight} more; authorize(frame) in the main process decides`,
      );
    }
    usage.written += weight;
  }
}
