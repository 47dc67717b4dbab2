import { describe, expect, it } from 'vitest';
import { Cache, type CacheOptions, type EvictionPolicyName, FanoutCache } from '../../main/engine/index.ts';
import { EVICTION_POLICY_NAMES } from '../../protocol/options.ts';
import { freshDirectory } from './fresh-directory.ts';

const SECOND_MS = 1000;
const HOUR_MS = 3600 * SECOND_MS;
const DAY_MS = 24 * HOUR_MS;
const YEAR_MS = 365 * DAY_MS;
const TODAY = Date.UTC(2026, 10, 30);

/** A clock that is set by hand. */
function openAt(now: number, options: CacheOptions = {}, directory = freshDirectory()) {
  const time = { now };
  const cache = new Cache<string, unknown>(directory, { ...options, clock: () => time.now });
  return { cache, time, directory };
}

describe.each([
  ['a year', YEAR_MS],
  ['two hours', 2 * HOUR_MS],
])('after the clock, which was %s ahead, was set right', (_, ahead) => {
  it.each([
    ['in memory', undefined],
    ['on disk alone', 0],
  ])('what lives shorter than that is gone (%s)', (__, memory) => {
    const { cache, time } = openAt(TODAY + ahead, memory === undefined ? {} : { memory });
    using _cache = cache;
    cache.set('token', 'secret', { ttl: 60 * SECOND_MS });
    cache.set('kept', 1);
    expect(cache.get('token')).toBe('secret');
    time.now -= ahead;
    expect(cache.get('token')).toBeUndefined();
    expect(cache.has('token')).toBe(false);
    expect(cache.size).toBe(1);
    time.now += ahead;
    expect(cache.get('token')).toBeUndefined();
    expect(cache.get('kept')).toBe(1);
  });

  it('every way of reading knows', () => {
    const read: Readonly<Record<string, (cache: Cache<string, unknown>) => unknown>> = {
      has: (cache) => cache.has('k'),
      getEntry: (cache) => cache.getEntry('k') !== undefined,
      getMany: (cache) => cache.getMany(['k'])[0] !== undefined,
      keys: (cache) => [...cache.keys()].length > 0,
      values: (cache) => [...cache.values({ order: 'key' })].length > 0,
      size: (cache) => cache.size > 0,
      peekItem: (cache) => cache.peekItem() !== undefined,
      openReadStream: (cache) => cache.openReadStream('k') !== undefined,
      add: (cache) => !cache.add('k', 2),
      touch: (cache) => cache.touch('k', { ttl: HOUR_MS }),
      delete: (cache) => cache.delete('k'),
      pop: (cache) => cache.pop('k') !== undefined,
      pull: (cache) => cache.pull() !== undefined,
      transact: (cache) => cache.transact(() => cache.get('k')) !== undefined,
      incr: (cache) => cache.incr('k') !== 1,
    };
    for (const [verb, finds] of Object.entries(read)) {
      const { cache, time } = openAt(TODAY + ahead);
      using _cache = cache;
      cache.set('k', 1, { ttl: SECOND_MS });
      if (verb === 'pull') cache.push('job', { ttl: SECOND_MS });
      time.now -= ahead;
      expect([verb, finds(cache)]).toEqual([verb, false]);
    }
  });

  it('what lives longer lives no longer than it would have, also when it was touched', () => {
    const { cache, time } = openAt(TODAY);
    using _cache = cache;
    cache.set('touched', 1, { ttl: 2 * YEAR_MS });
    time.now += ahead;
    cache.set('long', 1, { ttl: ahead + HOUR_MS });
    cache.touch('touched', { ttl: 60 * SECOND_MS });
    time.now -= ahead;
    expect([cache.get('long'), cache.get('touched')]).toEqual([1, 1]);
    time.now += 60 * SECOND_MS;
    expect([cache.get('long'), cache.get('touched')]).toEqual([1, undefined]);
    time.now += ahead + HOUR_MS;
    expect(cache.get('long')).toBeUndefined();
  });

  it('the next process to open the store detects it, whoever wrote it, and corrects it once', () => {
    const { cache, directory } = openAt(TODAY + ahead);
    cache.set('token', 'secret', { ttl: 60 * SECOND_MS });
    cache.close();
    const others = [openAt(TODAY, {}, directory), openAt(TODAY, {}, directory)];
    for (const { cache: other } of others) {
      expect(other.get('token')).toBeUndefined();
      other.set('fresh', 1, { ttl: HOUR_MS });
    }
    for (const { cache: other } of others) {
      expect(other.get('fresh')).toBe(1);
      other.close();
    }
  });

  it('two that have it open put it right once', () => {
    const first = openAt(TODAY + ahead);
    const second = openAt(TODAY + ahead, {}, first.directory);
    using _first = first.cache;
    using _second = second.cache;
    for (const { cache } of [first, second]) cache.set('k', 1, { ttl: SECOND_MS });
    first.time.now = second.time.now = TODAY;
    first.cache.set('fresh', 1, { ttl: HOUR_MS });
    expect(second.cache.get('k')).toBeUndefined();
    expect(second.cache.get('fresh')).toBe(1);
    expect(first.cache.get('fresh')).toBe(1);
  });

  it('a reader that can change nothing goes on from where time was', () => {
    const { cache, directory } = openAt(TODAY + ahead);
    cache.set('token', 'secret', { ttl: 60 * SECOND_MS });
    cache.close();
    const reader = openAt(TODAY, { readOnly: true }, directory);
    using _reader = reader.cache;
    reader.time.now += 61 * SECOND_MS;
    expect(reader.cache.get('token')).toBeUndefined();
    expect(reader.cache.size).toBe(0);
  });

  it.each(EVICTION_POLICY_NAMES.filter((name) => name !== 'none'))(
    'what is new is not evicted at once (%s)',
    (policy) => {
      const { cache, time } = openAt(TODAY + ahead, { sizeLimit: 256 * 1024, evictionPolicy: policy });
      using _cache = cache;
      fillStore(cache, 'old', 300);
      time.now -= ahead;
      expect(countRemaining(cache, time)).toBeGreaterThan(45);
    },
  );

  it.each(['least-recently-stored', 'least-recently-used'] as const)(
    'what is new is not evicted at once from whichever shard (%s)',
    (evictionPolicy: EvictionPolicyName) => {
      const time = { now: TODAY + ahead };
      using fanout = new FanoutCache<string, unknown>(freshDirectory(), {
        shards: 4,
        sizeLimit: 1024 * 1024,
        evictionPolicy,
        clock: () => time.now,
      });
      fillStore(fanout, 'old', 1000);
      time.now -= ahead;
      expect(countRemaining(fanout, time)).toBeGreaterThan(45);
    },
  );
});

const BLOCK = 'x'.repeat(900);

type Store = Pick<Cache<string, unknown>, 'set' | 'has'>;

function fillStore(cache: Store, name: string, count: number): void {
  for (let n = 0; n < count; n++) cache.set(`${name}${n}`, BLOCK);
}

/** Of the last 50 of 200 new items, how many there are. */
function countRemaining(cache: Store, time: { now: number }): number {
  for (let n = 0; n < 200; n++) {
    time.now += 10;
    cache.set(`new${n}`, BLOCK);
  }
  return Array.from({ length: 50 }, (_, n) => cache.has(`new${150 + n}`)).filter(Boolean).length;
}

describe('a clock that jumps ahead', () => {
  it('ends what lives shorter, and evicts nothing for it', () => {
    const { cache, time } = openAt(TODAY);
    using _cache = cache;
    cache.set('short', 1, { ttl: HOUR_MS });
    cache.set('long', 1, { ttl: 2 * YEAR_MS });
    cache.set('kept', 1);
    time.now += YEAR_MS;
    expect(cache.getMany(['short', 'long', 'kept'])).toEqual([undefined, 1, 1]);
  });

  it('and back again, between two reads, changes nothing', () => {
    const { cache, time } = openAt(TODAY);
    using _cache = cache;
    cache.set('k', 1, { ttl: HOUR_MS });
    time.now += YEAR_MS;
    time.now -= YEAR_MS;
    expect(cache.get('k')).toBe(1);
  });
});

it('small steps back, as time servers make them, change nothing', () => {
  const { cache, time } = openAt(TODAY);
  using _cache = cache;
  cache.set('k', 1, { ttl: 10 * SECOND_MS });
  time.now -= 5 * SECOND_MS;
  expect(cache.getEntry('k')).toMatchObject({ value: 1, storedAt: TODAY, expiresAt: TODAY + 10 * SECOND_MS });
});

it('the order in which items were stored and used stays when times are put right', () => {
  const { cache, time } = openAt(TODAY, { evictionPolicy: 'least-recently-stored' });
  using _cache = cache;
  const times = (keys: readonly string[]) => keys.map((key) => cache.getEntry(key)!.storedAt);
  cache.set('first', 1);
  time.now += YEAR_MS;
  for (const key of ['second', 'third', 'fourth']) {
    cache.set(key, 1);
    time.now += DAY_MS;
  }
  time.now = TODAY + HOUR_MS * 2;
  cache.set('fifth', 1);
  const [...order] = times(['first', 'second', 'third', 'fourth', 'fifth']);
  expect(order).toEqual(order.toSorted((a, b) => a - b));
  expect(new Set(order).size).toBe(5);
  expect(order.at(-1)).toBe(time.now);
});
