import { Cache } from '../../main/engine/index.ts';
import type { CacheOptions } from '../../protocol/options.ts';
import { Baseline } from '../peer/baseline.ts';
import { PythonPeer } from '../peer/python.ts';
import { type PlainValue, shuffleIndices, toKey, VALUE_BYTES, type ValueForm, Values } from './keys-and-values.ts';
import { Scratch } from './scratch.ts';

/** What the engine and the bare statements have in common. */
export interface Store {
  get(key: string): unknown;
  set(key: string, value: PlainValue): void;
  delete(key: string): boolean;
  transact(work: () => void): void;
}

const BATCH_ITEMS = 1000;
const FILL_SEED = 1;

/** Stores that hold the same items, put in in the same random order; all are closed and deleted together. */
export class Fixtures implements Disposable {
  readonly values: Values;
  readonly count: number;
  readonly scratch: Scratch;
  readonly #insertOrder: Uint32Array;
  readonly #owned = new DisposableStack();

  constructor(count: number, form: ValueForm = 'bytes', bytes: number = VALUE_BYTES) {
    this.count = count;
    this.values = new Values(form, bytes);
    this.scratch = this.#owned.use(new Scratch());
    this.#insertOrder = shuffleIndices(0, count, FILL_SEED);
  }

  baseline(options: { readonly exclusive?: boolean } = {}): Baseline {
    return this.#fill(this.#owned.use(new Baseline(this.scratch.directory(), options)));
  }

  cache(options: CacheOptions = {}, directory: string = this.scratch.directory()): Cache<string, PlainValue> {
    return this.#fill(this.#owned.use(new Cache<string, PlainValue>(directory, options)));
  }

  async python(options: Readonly<Record<string, unknown>> = {}): Promise<PythonPeer> {
    const python = this.#owned.use(await PythonPeer.open(this.scratch, this.values, options));
    await python.ask('fill', this.#insertOrder);
    return python;
  }

  [Symbol.dispose](): void {
    this.#owned.dispose();
  }

  #fill<S extends Store>(store: S): S {
    for (let first = 0; first < this.count; first += BATCH_ITEMS) {
      const batch = this.#insertOrder.subarray(first, first + BATCH_ITEMS);
      store.transact(() => {
        for (const index of batch) store.set(toKey(index), this.values.at(index));
      });
    }
    return store;
  }
}
