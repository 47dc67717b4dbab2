import { DiskCacheError } from '../../../protocol/error.ts';

/** What a store works on while it is open. Every public store holds one. */
export class OpenStore<C> {
  readonly #name: string;
  readonly #release: (core: C) => void;
  #core: C | undefined;

  /** `name` says in messages which store was closed; `release` closes what the store is made of. */
  constructor(core: C, name: string, release: (core: C) => void) {
    this.#core = core;
    this.#name = name;
    this.#release = release;
  }

  /** @throws {DiskCacheError} `CLOSED` after `close`. */
  get core(): C {
    if (this.#core !== undefined) return this.#core;
    throw new DiskCacheError('CLOSED', `${this.#name} was closed; open it again`);
  }

  get isOpen(): boolean {
    return this.#core !== undefined;
  }

  /** @throws {DiskCacheError} `CLOSED` after `close`. */
  assertOpen(): void {
    this.core;
  }

  /** Closes the store. Closing again does nothing; when `release` throws, the store stays open. */
  close(): void {
    if (this.#core === undefined) return;
    this.#release(this.#core);
    this.#core = undefined;
  }
}
