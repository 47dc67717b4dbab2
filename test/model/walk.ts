import { isDeepStrictEqual } from 'node:util';
import { Cache, type CacheMethods, type CacheOptions } from '../../main/engine/index.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import type { Range } from '../../protocol/options.ts';
import { ModelStore } from './model-store.ts';
import { inspectValue } from './random-walks.ts';
import { findStores, getFolderBytes, NO_FINDINGS, recountStore } from './recount-store.ts';
import type { StoreMove, StoreStep, UpdateBehaviour } from './steps.ts';
import type { Store } from './store.ts';

/** How the store is opened: settings of the directory only the first time, options of a handle always. */
export interface StoreSetup {
  readonly settings: CacheOptions;
  readonly usage: CacheOptions;
  /** Two handles on one directory see each other's writes from turn to turn. */
  readonly handles: 1 | 2;
  /** `Cache`, or a class with the same interface. */
  readonly kind?: new (
    directory: string,
    options: CacheOptions,
  ) => CacheMethods;
}

/** Thrown to roll back a transaction. */
class Rollback extends Error {}

const NEXT: { readonly [name in UpdateBehaviour]: (current: unknown) => unknown } = {
  wrap: (current) => [current],
  keep: (current) => current,
  fail: () => {
    throw new Rollback('on purpose');
  },
  unfit: () => () => 'no value',
};

/** A loop that adds an item at each item would never end. */
const MAX_WALKED_ITEMS = 100;

/** One random walk: the engine and the model take every step, and must return the same. */
export class Walk {
  /** Number of method calls, nested ones included. */
  operations = 0;
  readonly #directory: string;
  readonly #model: ModelStore;
  readonly #setup: StoreSetup;
  readonly #clock = (): number => this.#now;
  #now = Date.UTC(2026, 0, 1);
  #handles: readonly CacheMethods[];

  constructor(directory: string, setup: StoreSetup) {
    this.#directory = directory;
    this.#setup = setup;
    this.#model = new ModelStore(this.#clock, setup.settings);
    this.#handles = this.#open(setup.settings);
  }

  async run(moves: readonly StoreMove[]): Promise<void> {
    for (const move of moves) {
      if (move.verb === 'reopen') this.#reopen();
      else if (move.verb === 'switch') await this.#turn();
      else this.step(move);
    }
  }

  get #cache(): CacheMethods {
    return this.#handles[0]!;
  }

  #reopen(): void {
    this.close();
    this.#handles = this.#open({});
  }

  close(): void {
    for (const handle of this.#handles) handle.close();
  }

  step(step: StoreStep): void {
    this.operations++;
    switch (step.verb) {
      case 'advance':
        this.#now += step.ms;
        break;
      case 'series':
        for (const next of step.steps) this.step(next);
        break;
      case 'transact':
        this.#transact(step.steps, step.fails);
        break;
      case 'walk':
        this.#changeOnTheWay(step);
        break;
      default:
        compare(
          step,
          getOutcome(() => performStep(this.#model, step)),
          getOutcome(() => performStep(this.#cache, step)),
        );
    }
  }

  /** Expects both stores to hold the same items, now and after reopening, and nothing else on disk. */
  finish(): void {
    this.#compareWhole();
    const bytes = getFolderBytes(this.#directory);
    if (this.#cache.volume() < bytes)
      throw new Error(`volume() is ${this.#cache.volume()}, on disk are ${bytes} bytes`);
    this.#reopen();
    this.#compareWhole();
    const findings = this.#cache.check();
    if (findings.length > 0) throw new Error(`check() found ${inspectValue(findings)}`);
    this.close();
    for (const store of findStores(this.#directory)) {
      const remains = recountStore(store);
      if (!isDeepStrictEqual(remains, NO_FINDINGS)) throw new Error(`on disk: ${inspectValue(remains)}`);
    }
  }

  /** Compares all ways of reading. */
  #compareWhole(): void {
    for (const order of ['stored', 'key'] as const) {
      this.step({ verb: 'entries', range: { order } });
      this.step({ verb: 'pages', range: { order, reverse: true } });
    }
    this.step({ verb: 'size' });
    for (const key of this.#model.keys()) this.step({ verb: 'getEntry', args: [key] });
  }

  #open(settings: CacheOptions): readonly CacheMethods[] {
    const { usage, handles, kind: Kind = Cache } = this.#setup;
    const options = { ...settings, ...usage, clock: this.#clock };
    return Array.from({ length: handles }, () => new Kind(this.#directory, options));
  }

  /** Writes of other handles are visible from the next turn on, so handles change between two turns. */
  async #turn(): Promise<void> {
    await Promise.resolve();
    this.#handles = this.#handles.toReversed();
  }

  #transact(steps: readonly StoreStep[], fails: boolean): void {
    try {
      this.#model.transact(() =>
        this.#cache.transact(() => {
          for (const step of steps) this.step(step);
          if (fails) throw new Rollback('rolled back');
        }),
      );
    } catch (error) {
      if (!(error instanceof Rollback)) throw error;
    }
  }

  #changeOnTheWay(step: Extract<StoreStep, { verb: 'walk' }>): void {
    const expected = this.#model.entries(step.range);
    const actual = this.#cache.entries(step.range);
    for (let n = 0; n < MAX_WALKED_ITEMS; n++) {
      const met = expected.next();
      compare(step, { value: met.value }, { value: actual.next().value });
      if (met.done) return;
      if (step.deletes) this.step({ verb: 'delete', args: [met.value[0]] });
      const change = step.steps[n % step.steps.length];
      if (change !== undefined) this.step(change);
    }
  }
}

type DataStep = Exclude<StoreStep, { verb: 'advance' | 'series' | 'transact' | 'walk' }>;

function performStep(store: Store, step: DataStep): unknown {
  switch (step.verb) {
    case 'size':
      return store.size;
    case 'keys':
    case 'values':
    case 'entries':
      return [...store[step.verb](step.range)];
    case 'pages':
      return pages(store, step.range);
    case 'update':
      return store.update(step.key, NEXT[step.next], step.options);
    case 'getEntry': {
      const entry = store.getEntry(...step.args);
      return entry && { ...entry, bytes: Math.sign(entry.bytes) < 0 };
    }
    default:
      return Reflect.apply(store[step.verb], store, step.args);
  }
}

function pages(store: Store, range: Range): unknown[] {
  const items: unknown[] = [];
  let after: unknown;
  do {
    const page = store.page('entries', range, after);
    items.push(...page.items);
    after = page.next;
  } while (after !== undefined);
  return items;
}

/** The outcome of a call: a value, or the code of its error. */
type Outcome = { readonly value: unknown } | { readonly failure: string };

function getOutcome(call: () => unknown): Outcome {
  try {
    return { value: call() };
  } catch (error) {
    if (error instanceof DiskCacheError) return { failure: error.code };
    if (error instanceof Rollback) return { failure: error.message };
    throw error;
  }
}

function compare(step: StoreStep, expected: Outcome, actual: Outcome): void {
  if (isDeepStrictEqual(expected, actual) || (removesInBatches(step) && isWithin(expected, actual))) return;
  throw new Error(
    `${inspectValue(step)}\n  should answer ${inspectValue(expected)}\n  and answered  ${inspectValue(actual)}`,
  );
}

/** Expired items are removed in passing, so only the remaining ones are counted. */
const removesInBatches = ({ verb }: StoreStep): boolean => verb === 'expire' || verb === 'cull';

const isWithin = (max: Outcome, actual: Outcome): boolean =>
  'value' in max && 'value' in actual && Number(actual.value) >= 0 && Number(actual.value) <= Number(max.value);
