import { describe, expect, it, vi } from 'vitest';
import { freshDirectory } from '../engine/fresh-directory.ts';

/** Like Bun: the module exists, and its exports throw. */
class Missing {
  constructor() {
    throw new Error('node:v8 is not implemented');
  }
}
vi.mock('node:v8', () => ({
  default: { Serializer: Missing, Deserializer: Missing },
  Serializer: Missing,
  Deserializer: Missing,
}));

describe('a runtime without V8’s serializer', () => {
  it('opens stores whose codec is json, and stores and reads everything that JSON can hold', async () => {
    const { Cache, Deque, FanoutCache, Index } = await import('../../main/engine/index.ts');
    const options = { codec: 'json' } as const;
    const value = { text: 'a', list: [1, null, { deep: true }], large: 'x'.repeat(100_000) };
    const directory = freshDirectory();
    using cache = new Cache(directory, options);
    cache.set('k', value, { ttl: 60_000, tag: 't' });
    cache.set(['a', 1], [true, 'b']);
    cache.close();
    using again = new Cache(directory, options);
    expect([again.get('k'), again.get(['a', 1]), again.check()]).toEqual([value, [true, 'b'], []]);
    using index = new Index(freshDirectory(), options);
    index.set('k', value);
    expect([...index]).toEqual([['k', value]]);
    using deque = new Deque(freshDirectory(), options);
    deque.push(value);
    expect(deque.pop()).toEqual(value);
    using fanout = new FanoutCache(freshDirectory(), options);
    fanout.set('k', value);
    expect(fanout.get('k')).toEqual(value);
  });

  it('opens other stores too, and a value that needs the serializer is refused with the reason', async () => {
    const { Cache } = await import('../../main/engine/index.ts');
    using cache = new Cache(freshDirectory());
    cache.set('plain', { n: 1 });
    expect(cache.get('plain')).toEqual({ n: 1 });
    expect(() => cache.set('map', new Map())).toThrow(/node:v8 is not implemented/);
    expect(cache.has('map')).toBe(false);
  });
});
