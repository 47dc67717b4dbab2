import { Cache, Deque, Index } from '../../../main/engine/index.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import { createRandom } from '../../crash/random-writes.ts';
import { ModelDeque } from '../model-deque.ts';
import { ModelIndex } from '../model-index.ts';
import type { Durability } from '../random-steps.ts';
import { stepCache } from './cache-steps.ts';
import { stepDeque, stepIndex } from './collection-steps.ts';
import { toKeyId } from './keys.ts';
import { ModelCache } from './model-cache.ts';
import { type RandomInt, toFingerprint } from './values.ts';

/*
 * What a process does to a store that it alone has open, step by step, known beforehand from a seed. A step is taken by the store and by
 * a plain model, so that what each step returns can be compared, and what is there after any number of steps.
 */

export type StoreName = 'cache' | 'index' | 'deque';

interface Store {
  close(): void;
  check(options?: { repair: boolean }): readonly {
    readonly code: string;
    readonly message: string;
    readonly path?: string;
  }[];
}

interface StoreUnderTest {
  open(directory: string, durability: Durability, clock: () => number): Store;
  createModel(clock: () => number): object;
  /** Returns what there is to compare. */
  step(store: object, draw: RandomInt, index: number, profile: number): unknown;
  /** A line for each item, in the stored order. */
  describe(store: object): string[];
}

/** The time passes by steps alone, so that the model knows what has expired. */
const START_MS = Date.UTC(2026, 0, 1);
const STEP_MS = 100;
/** Every second seed mostly takes steps that go to a journal. */
const PROFILE_BY_SEED = [0, 1, 0, 2, 0, 3] as const;
const toTime = (step: number): number => START_MS + step * STEP_MS;

/** One process owns the store, and has a journal. */
const OWNED = { exclusive: true } as const;

const DAMAGED = 'damaged';

/** A line about one item; one whose value is reported as damaged has no other content. */
function toLine(name: string, read: () => string): string {
  try {
    return `${name}: ${read()}`;
  } catch (error) {
    if (error instanceof DiskCacheError && error.code === 'CORRUPT') return `${name}: ${DAMAGED}`;
    throw error;
  }
}

const SUBJECTS: Readonly<Record<StoreName, StoreUnderTest>> = {
  cache: {
    open: (directory, durability, clock) =>
      new Cache(directory, {
        ...OWNED,
        durability,
        clock,
        sizeLimit: Number.POSITIVE_INFINITY,
      }),
    createModel: (clock) => new ModelCache(clock),
    step: (store, draw, index, profile) => stepCache(store as ModelCache, draw, index, profile),
    describe: (store) =>
      Array.from((store as ModelCache).keys(), (key) =>
        toLine(toKeyId(key), () => {
          const { value, expiresAt, tag } = (store as ModelCache).getEntry(key)!;
          return `${toFingerprint(value)} ${tag} ${expiresAt}`;
        }),
      ),
  },
  index: {
    open: (directory, durability, clock) => new Index(directory, { ...OWNED, durability, clock }),
    createModel: () => new ModelIndex(),
    step: (store, draw, index) => stepIndex(store as ModelIndex, draw, index),
    describe: (store) =>
      Array.from((store as ModelIndex).keys(), (key) =>
        toLine(`${key}`, () => toFingerprint((store as ModelIndex).get(key))),
      ),
  },
  deque: {
    open: (directory, durability, clock) => new Deque(directory, { ...OWNED, durability, clock }),
    createModel: () => new ModelDeque(),
    step: (store, draw, index) => stepDeque(store as ModelDeque, draw, index),
    describe: (store) =>
      Array.from({ length: (store as ModelDeque).length }, (_, at) =>
        toLine(`${at}`, () => toFingerprint((store as ModelDeque).at(at))),
      ),
  },
};

/** A store, or the model of one, that takes the steps of a seed. */
export class SteppedStore<Kind extends object = object> {
  readonly store: Kind;
  /** How many steps were taken. */
  steps = 0;
  readonly #name: StoreName;
  readonly #seed: number;

  private constructor(name: StoreName, seed: number, create: (clock: () => number) => Kind) {
    this.#name = name;
    this.#seed = seed;
    this.store = create(() => toTime(this.steps));
  }

  static createModel(name: StoreName, seed: number): SteppedStore {
    return new SteppedStore(name, seed, (clock) => SUBJECTS[name].createModel(clock));
  }

  /** Opens a store in which `steps` steps were done. */
  static open(name: StoreName, seed: number, steps: number, directory: string, durability: Durability) {
    let taken: SteppedStore<Store> | undefined;
    const clock = () => toTime(taken?.steps ?? steps);
    taken = new SteppedStore(name, seed, () => SUBJECTS[name].open(directory, durability, clock));
    taken.steps = steps;
    return taken;
  }

  /** Takes the next step; returns what it returned, as text. */
  advance(): string {
    const index = this.steps;
    const random = createRandom(Math.imul(this.#seed, 7919) + index);
    const draw = (limit: number) => Math.floor(random() * limit);
    const returned = SUBJECTS[this.#name].step(
      this.store,
      draw,
      index,
      PROFILE_BY_SEED[this.#seed % PROFILE_BY_SEED.length]!,
    );
    this.steps = index + 1;
    return toFingerprint(returned);
  }

  /** Whether an item that a line describes has not expired when `steps` steps were done. */
  static isLiveAt(line: string, steps: number): boolean {
    const expiresAt = Number(line.slice(line.lastIndexOf(' ')));
    return Number.isNaN(expiresAt) || expiresAt < START_MS || toTime(steps) < expiresAt;
  }

  /** The line for the same item if its value is reported as damaged. */
  static toDamaged(line: string): string {
    return `${line.slice(0, line.indexOf(': '))}: ${DAMAGED}`;
  }

  /** Everything that is there when `steps` steps were done. */
  describe(): readonly string[] {
    return SUBJECTS[this.#name].describe(this.store);
  }
}
