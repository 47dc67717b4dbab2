import { describe, expect, it } from 'vitest';
import { deleteKey } from '../../main/engine/cache/delete.ts';
import { closeCore, openCore } from '../../main/engine/cache/open.ts';
import { getMany } from '../../main/engine/cache/read-many.ts';
import { transact } from '../../main/engine/cache/transaction.ts';
import { set } from '../../main/engine/cache/write.ts';
import { Cache, FanoutCache, Index } from '../../main/engine/index.ts';
import { errorMatching } from '../matchers.ts';
import { createManualClock } from './engine-fixture.ts';
import { freshDirectory } from './fresh-directory.ts';

const open = () => new Cache(freshDirectory(), { clock: createManualClock().clock });

function throwError(): never {
  throw new Error('on purpose');
}

describe('a function that would go on after its transaction', () => {
  const stores = {
    Cache: () => new Cache(freshDirectory()),
    FanoutCache: () => new FanoutCache(freshDirectory(), { shards: 2 }),
    Index: () => new Index(freshDirectory()),
  } as const;

  it.each(
    Object.entries(stores).flatMap(([name, make]) => [
      [name, 'async function', make, async () => {}],
      [name, 'thenable', make, () => Object.defineProperty({}, 'then', { value: () => {} })],
      [name, 'generator', make, function* () {}],
      [name, 'async generator', make, async function* () {}],
    ]) as [string, string, () => Cache, () => unknown][],
  )('%s.transact refuses a %s and undoes what it wrote', (_, _what, make, rest) => {
    using store = make();
    const work = () => {
      store.set('a', 1);
      return rest();
    };
    expect(() => store.transact(work)).toThrow(errorMatching('BAD_OPTION', 'was given a'));
    expect(() => store.transact(() => store.transact(work))).toThrow(errorMatching('BAD_OPTION', 'was given a'));
    expect(store.has('a')).toBe(false);
  });

  it('does not compile', () => {
    using store = new Cache<string, number>(freshDirectory());
    // @ts-expect-error: an async function
    expect(() => store.transact(async () => store.set('a', 1))).toThrow(errorMatching('BAD_OPTION'));
    // @ts-expect-error: a generator
    expect(() => store.transact(function* () {})).toThrow(errorMatching('BAD_OPTION'));
    expect(store.transact(() => store.get('a') as unknown)).toBeUndefined();
    expect(() => store.transact(throwError)).toThrow('on purpose');
    expect(store.transact((): number | undefined => store.get('a'))).toBeUndefined();
  });
});

describe('transact', () => {
  it('answers what the function answers and keeps what it wrote', () => {
    using cache = open();
    const answer = cache.transact(() => {
      cache.set('a', 1);
      return cache.get('a');
    });
    expect(answer).toBe(1);
    expect(cache.get('a')).toBe(1);
  });

  it('undoes everything when the function throws, and throws the same', () => {
    using cache = open();
    cache.set('a', 1);
    cache.set('b', 2);
    const doomed = () =>
      cache.transact(() => {
        cache.set('a', 10);
        cache.delete('b');
        cache.set('c', 3);
        expect(cache.size).toBe(2);
        cache.clear();
        throwError();
      });
    expect(doomed).toThrow('on purpose');
    expect([...cache]).toEqual([
      ['a', 1],
      ['b', 2],
    ]);
    expect(cache.size).toBe(2);
  });

  it('lets a nested call fail alone', () => {
    using cache = open();
    cache.transact(() => {
      cache.set('outer', 1);
      expect(() =>
        cache.transact(() => {
          cache.set('inner', 1);
          cache.transact(() => cache.set('innermost', 1));
          cache.set('outer', 2);
          throwError();
        }),
      ).toThrow('on purpose');
      expect(cache.size).toBe(1);
      cache.transact(() => cache.set('second', 1));
    });
    expect([...cache]).toEqual([
      ['outer', 1],
      ['second', 1],
    ]);
  });

  it('refuses an async function and keeps nothing of it', async () => {
    using cache = open();
    const refused = () =>
      // @ts-expect-error: an async function
      cache.transact(async () => {
        cache.set('a', 1);
        throwError();
      });
    expect(refused).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }));
    // biome-ignore lint/suspicious/noThenProperty: any thenable is refused, not only promises
    expect(() => cache.transact(() => ({ then: () => 1 }))).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }));
    await new Promise((resolve) => setTimeout(resolve, 1));
    expect(cache.has('a')).toBe(false);
  });

  it('hides its writes from other connections until it is over', () => {
    const directory = freshDirectory();
    using cache = new Cache(directory);
    using other = new Cache(directory, { timeout: 0 });
    cache.transact(() => {
      cache.set('a', 1);
      expect(other.get('a')).toBeUndefined();
      expect(() => other.set('b', 1)).toThrow(expect.objectContaining({ code: 'BUSY' }));
    });
    expect(other.get('a')).toBe(1);
    other.set('b', 2);
    expect(cache.get('b')).toBe(2);
  });

  it('keeps the store usable after it', () => {
    using cache = open();
    for (let n = 0; n < 3; n++) expect(() => cache.transact(throwError)).toThrow('on purpose');
    cache.set('a', 1);
    expect(cache.transact(() => cache.delete('a'))).toBe(true);
    expect(cache.size).toBe(0);
  });

  it('can not be closed from within', () => {
    using cache = open();
    expect(() => cache.transact(() => cache.close())).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }));
    expect(cache.size).toBe(0);
  });
});

describe('close', () => {
  it('ends every call with CLOSED, and is quiet the second time', () => {
    const cache = open();
    const keys = cache.keys();
    cache.set('a', 1);
    cache.close();
    cache.close();
    const closed = expect.objectContaining({ code: 'CLOSED' });
    expect(() => cache.get('a')).toThrow(closed);
    expect(() => cache.set('a', 1)).toThrow(closed);
    expect(() => cache.size).toThrow(closed);
    expect(() => cache.keys()).toThrow(closed);
    expect(() => keys.next()).toThrow(closed);
    expect(() => cache.transact(() => 1)).toThrow(closed);
    expect(() => cache.page('keys')).toThrow(closed);
  });

  it('lets nothing through after it was lost half-way, not even what is caught', () => {
    const core = openCore(freshDirectory(), {});
    const lost = expect.objectContaining({ code: 'DISK_FULL' });
    expect(() =>
      transact(core, () => {
        set(core, 'first', 1);
        // As SQLite does by itself when the disk is full in the middle of a statement.
        core.connection.execute('ROLLBACK');
        expect(() => set(core, 'second', 2)).toThrowError(lost);
        expect(() => deleteKey(core, 'second')).toThrowError(lost);
      }),
    ).toThrowError(lost);
    set(core, 'third', 3);
    expect(getMany(core, ['first', 'second', 'third'])).toEqual([undefined, undefined, 3]);
    closeCore(core);
  });
});
