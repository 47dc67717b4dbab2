import { Cache } from '../../main/engine/index.ts';
import type { CacheOptions } from '../../protocol/options.ts';
import { Floor } from '../peer/floor.ts';
import { Python } from '../peer/python.ts';
import { type Form, keyAt, type Plain, shuffled, VALUE_BYTES, Values } from './data.ts';
import { Scratch } from './scratch.ts';

/** What the engine and the bare statements have in common. */
export interface Store {
  get(key: string): unknown;
  set(key: string, value: Plain): void;
  delete(key: string): boolean;
  transact(work: () => void): void;
}

const BATCH = 1000;
const FILL_SEED = 1;

/** Stores that hold the same items, put in in the same random order; all are closed and deleted together. */
export class Stock implements Disposable {
  readonly values: Values;
  readonly count: number;
  readonly scratch: Scratch;
  readonly #order: Uint32Array;
  readonly #owned = new DisposableStack();

  constructor(count: number, form: Form = 'bytes', bytes: number = VALUE_BYTES) {
    this.count = count;
    this.values = new Values(form, bytes);
    this.scratch = this.#owned.use(new Scratch());
    this.#order = shuffled(0, count, FILL_SEED);
  }

  floor(options: { readonly exclusive?: boolean } = {}): Floor {
    return this.#filled(this.#owned.use(new Floor(this.scratch.directory(), options)));
  }

  cache(options: CacheOptions = {}, directory: string = this.scratch.directory()): Cache<string, Plain> {
    return this.#filled(this.#owned.use(new Cache<string, Plain>(directory, options)));
  }

  async python(options: Readonly<Record<string, unknown>> = {}): Promise<Python> {
    const python = this.#owned.use(await Python.open(this.scratch, this.values, options));
    await python.ask('fill', this.#order);
    return python;
  }

  [Symbol.dispose](): void {
    this.#owned.dispose();
  }

  #filled<S extends Store>(store: S): S {
    for (let first = 0; first < this.count; first += BATCH) {
      const batch = this.#order.subarray(first, first + BATCH);
      store.transact(() => {
        for (const index of batch) store.set(keyAt(index), this.values.at(index));
      });
    }
    return store;
  }
}
