import fc from 'fast-check';
import { Cache, type CacheOptions, type EvictionPolicyName } from '../../main/engine/index.ts';
import { inspectValue, runRandomWalks, type WalkCounts } from './random-walks.ts';
import { NO_FINDINGS, recountStore } from './recount-store.ts';

/** Size limit in bytes: a few dozen items, some of them in files. */
const SIZE_LIMIT = 256 * 1024;
const SIZES = [1, 300, 3000, 12_000];

type EvictingMove =
  | { readonly verb: 'set'; readonly key: number; readonly size: number; readonly ttl: number | undefined }
  | { readonly verb: 'get' | 'delete' | 'pop'; readonly key: number }
  | { readonly verb: 'push'; readonly size: number }
  | { readonly verb: 'pull' | 'cull' | 'reopen' | 'recount' }
  | { readonly verb: 'advance'; readonly ms: number }
  | { readonly verb: 'transact'; readonly moves: readonly EvictingMove[]; readonly fails: boolean };

const key = fc.nat({ max: 120 });
const size = fc.constantFrom(...SIZES);
const ttl = fc.option(fc.constantFrom(5, 50), { nil: undefined, freq: 3 });

const plain: fc.Arbitrary<EvictingMove> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ verb: fc.constant('set' as const), key, size, ttl }) },
  { weight: 8, arbitrary: fc.record({ verb: fc.constant('get' as const), key }) },
  { weight: 2, arbitrary: fc.record({ verb: fc.constantFrom('delete' as const, 'pop'), key }) },
  { weight: 2, arbitrary: fc.record({ verb: fc.constant('push' as const), size }) },
  { weight: 1, arbitrary: fc.constant({ verb: 'pull' as const }) },
);

const evictingMove: fc.Arbitrary<EvictingMove> = fc.oneof(
  { weight: 200, arbitrary: plain },
  { weight: 10, arbitrary: fc.record({ verb: fc.constant('advance' as const), ms: fc.constantFrom(1, 5, 20) }) },
  {
    weight: 10,
    arbitrary: fc.record({
      verb: fc.constant('transact' as const),
      moves: fc.array(plain, { maxLength: 6, size: 'max' }),
      fails: fc.boolean(),
    }),
  },
  { weight: 4, arbitrary: fc.constant({ verb: 'recount' as const }) },
  { weight: 1, arbitrary: fc.constant({ verb: 'cull' as const }) },
  { weight: 1, arbitrary: fc.constant({ verb: 'reopen' as const }) },
);

interface KnownItem {
  readonly value: string;
  readonly expiresAt: number;
}

class Rollback extends Error {}

/**
 * A walk over a store that evicts. Whichever items are evicted: the limit holds, a read returns the last set value or nothing,
 * evicted items don't come back, and the item just written is there.
 */
class EvictingWalk {
  readonly #directory: string;
  readonly #clock = (): number => this.#now;
  #now = Date.UTC(2026, 0, 1);
  #cache: Cache<number, string>;
  #writes = 0;
  /** Items that may be in the store. */
  #known = new Map<number, KnownItem>();

  constructor(directory: string, options: CacheOptions) {
    this.#directory = directory;
    this.#cache = new Cache(directory, { ...options, sizeLimit: SIZE_LIMIT, fileThreshold: 4096, clock: this.#clock });
  }

  run(moves: readonly EvictingMove[]): void {
    for (const move of moves) {
      this.#move(move);
      const volume = this.#cache.volume();
      assertHolds(volume <= SIZE_LIMIT, `${volume} bytes on disk after ${inspectValue(move)}`);
    }
    this.#recount();
    const findings = this.#cache.check();
    assertHolds(findings.length === 0, `check() found ${inspectValue(findings)}`);
    this.close();
    const remains = recountStore(this.#directory);
    assertHolds(inspectValue(remains) === inspectValue(NO_FINDINGS), `on disk: ${inspectValue(remains)}`);
  }

  close(): void {
    this.#cache.close();
  }

  #move(move: EvictingMove): void {
    const cache = this.#cache;
    switch (move.verb) {
      case 'set': {
        const value = this.#nextValue(move.size);
        cache.set(move.key, value, move.ttl === undefined ? {} : { ttl: move.ttl });
        this.#recordWrite(move.key, value, this.#now + (move.ttl ?? Number.POSITIVE_INFINITY));
        break;
      }
      case 'push': {
        const value = this.#nextValue(move.size);
        this.#recordWrite(cache.push(value), value, Number.POSITIVE_INFINITY);
        break;
      }
      case 'get':
        this.#readItems(move.key, cache.get(move.key));
        break;
      case 'pop':
        this.#readItems(move.key, cache.pop(move.key));
        this.#known.delete(move.key);
        break;
      case 'delete':
        cache.delete(move.key);
        this.#known.delete(move.key);
        break;
      case 'pull':
        this.#pull();
        break;
      case 'cull':
        cache.cull();
        break;
      case 'advance':
        this.#now += move.ms;
        break;
      case 'reopen':
        this.close();
        this.#cache = new Cache(this.#directory, { clock: this.#clock });
        break;
      case 'recount':
        this.#recount();
        break;
      case 'transact':
        this.#transact(move.moves, move.fails);
        break;
    }
  }

  #pull(): void {
    const item = this.#cache.pull();
    if (item === undefined) return;
    this.#readItems(...item);
    this.#known.delete(item[0]);
  }

  #transact(moves: readonly EvictingMove[], fails: boolean): void {
    const before = new Map(this.#known);
    try {
      this.#cache.transact(() => {
        for (const move of moves) this.#move(move);
        if (fails) throw new Rollback();
      });
    } catch (error) {
      if (!(error instanceof Rollback)) throw error;
      this.#known = before;
    }
  }

  /** All values are different. */
  #nextValue(size: number): string {
    return `${this.#writes++} `.padEnd(size, 'x');
  }

  #recordWrite(key: number, value: string, expiresAt: number): void {
    assertHolds(this.#cache.has(key), `the item just written under ${key} is gone`);
    this.#known.set(key, { value, expiresAt });
  }

  #readItems(key: number, value: string | undefined): void {
    const known = this.#known.get(key);
    if (value === undefined) this.#known.delete(key);
    else
      assertHolds(
        known?.value === value && this.#now < known.expiresAt,
        `${key} is ${inspectValue(value)}, not ${inspectValue(known)}`,
      );
  }

  /** Expects iteration to return each existing item once; all others must stay gone. */
  #recount(): void {
    const items = new Map(this.#cache.entries());
    for (const key of this.#known.keys()) if (!items.has(key)) this.#known.delete(key);
    for (const [key, value] of items) this.#readItems(key, value);
    assertHolds(this.#cache.size === items.size, `size is ${this.#cache.size}, there are ${items.size} items`);
  }
}

function assertHolds(holds: boolean, message: string): void {
  if (!holds) throw new Error(message);
}

/** Runs random walks over a store with an eviction policy. */
export async function evictingWalks(evictionPolicy: EvictionPolicyName, length: WalkCounts): Promise<void> {
  const take = async (moves: readonly EvictingMove[], directory: string): Promise<void> => {
    const walk = new EvictingWalk(directory, { evictionPolicy });
    try {
      walk.run(moves);
    } finally {
      walk.close();
    }
  };
  await runRandomWalks(evictingMove, take, length);
}
