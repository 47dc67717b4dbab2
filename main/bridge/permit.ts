import type { Access } from '../../protocol/contract/signature.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import { weightOf } from '../../protocol/weight.ts';
import { type Grant, grants } from './grant.ts';

/** A grant in use by one session: what it covers, and how much of it is left. */
export class Permit {
  readonly #grant: Grant;
  #written = 0;

  constructor(grant: Grant) {
    this.#grant = grant;
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

  /** Counts what a write brings. @throws {DiskCacheError} `TOO_LARGE` when it is more than what is left. */
  charge(args: readonly unknown[]): void {
    const { bytes } = this.#grant;
    if (bytes === undefined) return;
    const weight = weightOf(args);
    if (this.#written + weight > bytes) {
      throw new DiskCacheError(
        'TOO_LARGE',
        `This page was granted ${bytes} bytes of writes, has used ${this.#written} and wants ${weight} more; authorize(frame) in the main process decides`,
      );
    }
    this.#written += weight;
  }
}
