import { describe, expect, expectTypeOf, it } from 'vitest';
import { Deque } from '../../main/engine/deque/deque.ts';
import { Cache } from '../../main/engine/index.ts';
import { Index } from '../../main/engine/index-map/index-map.ts';
import type { StandardSchema } from '../../main/engine/index-map/schema.ts';
import { reopen, type StoreHandle } from '../../main/engine/registry.ts';
import { freshDirectory } from './fresh-directory.ts';

const errorWithCode = (code: string) => expect.objectContaining({ code });
const schema: StandardSchema<number> = {
  '~standard': {
    version: 1,
    validate: (value) => (typeof value === 'number' ? { value } : { issues: [{ message: 'no number' }] }),
  },
};

describe('a description', () => {
  it('is plain data, and opens the same store again', () => {
    using deque = new Deque<string>(freshDirectory(), { timeout: 77, maxLength: 2, durability: 'process' });
    deque.push('a');
    using again = reopen(structuredClone(deque.describe()));
    expectTypeOf(again).toEqualTypeOf<Deque<string>>();
    again.push('b', 'c');
    expect([...deque]).toEqual(['b', 'c']);
    expect(again.describe()).toEqual(deque.describe());
    expect(again.describe().options['timeout']).toBe(77);
  });

  it('leaves to the directory what the directory keeps', () => {
    using cache = new Cache<string, number>(freshDirectory(), { sizeLimit: 10_000_000, memory: 0 });
    cache.set('a', 1);
    expect(cache.describe().options).toEqual({
      memory: 0,
      exclusive: false,
      timeout: 5000,
      readOnly: false,
      workerThread: true,
    });
    using again = reopen(structuredClone(cache.describe()));
    cache.configure({ sizeLimit: 20_000_000 });
    using third = reopen(cache.describe());
    expect([again.get('a'), third.get('a')]).toEqual([1, 1]);
  });

  it('knows the version of an index', () => {
    using index = new Index<string, number>(freshDirectory(), { version: 4 });
    index.set('a', 1);
    using again = reopen(JSON.parse(JSON.stringify(index.describe())) as StoreHandle<Index<string, number>>);
    expect([...again]).toEqual([['a', 1]]);
  });

  it('names what is no data, and what was not handed in is missed', () => {
    let now = 5;
    using index = new Index<string, number>(freshDirectory(), { schema, clock: () => now });
    const description = structuredClone(index.describe());
    expect(description.required).toEqual(['clock', 'schema']);
    expect(() => reopen(description)).toThrow(/clock and schema/);
    expect(() => reopen(description, { schema })).toThrow(errorWithCode('BAD_OPTION'));
    using again = reopen(description, { schema, clock: () => now });
    expect(() => again.set('a', 'x' as unknown as number)).toThrow(errorWithCode('BAD_VALUE'));
    now++;
  });

  it('has to be one', () => {
    const directory = freshDirectory();
    for (const wrong of [
      null,
      7,
      {},
      { kind: 'constructor' },
      { kind: 'deque' },
      { kind: 'index', directory, options: 1 },
    ]) {
      expect(() => reopen(wrong as unknown as StoreHandle)).toThrow(errorWithCode('BAD_OPTION'));
    }
  });
});
