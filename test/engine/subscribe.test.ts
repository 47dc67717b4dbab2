import Database from 'better-sqlite3';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Cache, type CacheOptions, type Change, type Key, type SubscribeOptions } from '../../main/engine/index.ts';
import { createManualClock } from './engine-fixture.ts';
import { freshDirectory } from './fresh-directory.ts';

const open = (options: CacheOptions = {}, directory = freshDirectory()) => new Cache(directory, options);

function recordChanges(cache: Cache, prefix?: Key) {
  const changes: string[] = [];
  const tell = ({ kind, key }: Change) => changes.push(key === undefined ? kind : `${kind} ${JSON.stringify(key)}`);
  const stop = cache.subscribe(tell, prefix === undefined ? {} : { prefix });
  return { changes, stop };
}

const readChangeLog = (cache: Cache) => {
  const database = new Database(`${cache.directory}/cache.db`, { readonly: true });
  const triggers = database.prepare("SELECT count(*) FROM sqlite_schema WHERE type = 'trigger'").pluck().get();
  const rows = database.prepare('SELECT count(*) FROM change').pluck().get();
  database.close();
  return { triggers, rows };
};

afterEach(() => {
  vi.restoreAllMocks();
});

describe('subscribe', () => {
  it('tells this store’s changes at once, in order, with the reason', () => {
    const { clock, advance } = createManualClock();
    using cache = open({ clock });
    const { changes } = recordChanges(cache);
    cache.set('a', 1);
    cache.set('a', 2);
    cache.set('b', 1, { ttl: 5, tag: 't' });
    expect(changes).toEqual(['set "a"', 'set "a"', 'set "b"']);
    cache.delete('a');
    cache.delete('a');
    cache.touch('b', { ttl: 7 });
    cache.incr('n');
    advance(7);
    cache.expire();
    cache.set('t', 1, { tag: 't' });
    cache.evict('t');
    cache.push('x');
    cache.pull();
    cache.clear();
    const queued = 'set 500000000000000';
    expect(changes.slice(3)).toEqual([
      'delete "a"',
      'set "b"',
      'set "n"',
      'expire "b"',
      'set "t"',
      'evict "t"',
      queued,
      'delete 500000000000000',
      'clear',
    ]);
  });

  it('tells what a transaction did after its commit, and nothing of what was undone', () => {
    using cache = open();
    const { changes } = recordChanges(cache);
    cache.transact(() => {
      cache.set('a', 1);
      expect(() =>
        cache.transact(() => {
          cache.set('undone', 1);
          throw new Error('on purpose');
        }),
      ).toThrow('on purpose');
      cache.delete('a');
      expect(changes).toEqual([]);
    });
    expect(changes).toEqual(['set "a"', 'delete "a"']);
  });

  it('tells only what begins with the prefix, and clear', () => {
    using cache = open();
    const users = recordChanges(cache, ['user']).changes;
    const texts = recordChanges(cache, 'ab').changes;
    for (const key of ['abc', 'a', ['user', 1], ['users'], 7]) cache.set(key, 1);
    cache.clear();
    expect(users).toEqual(['set ["user",1]', 'clear']);
    expect(texts).toEqual(['set "abc"', 'clear']);
  });

  it('tells what other connections do, in the order of the commits', async () => {
    using cache = open();
    using other = open({}, cache.directory);
    const { changes } = recordChanges(cache);
    other.set('theirs', 1);
    cache.set('mine', 1);
    expect(changes).toEqual(['set "theirs"', 'set "mine"']);
    other.transact(() => {
      other.delete('mine');
      other.clear();
    });
    await vi.waitFor(() => expect(changes.slice(2)).toEqual(['delete "mine"', 'clear']), 2000);
  });

  it('tells what expires without any write', async () => {
    const { clock, advance } = createManualClock();
    using cache = open({ clock });
    cache.set('k', 1, { ttl: 10 });
    const { changes } = recordChanges(cache);
    advance(10);
    await vi.waitFor(() => expect(changes).toEqual(['expire "k"']), 2000);
  });

  it('tells why an item had to leave', () => {
    using cache = open({ sizeLimit: 1024 * 1024 });
    const { changes } = recordChanges(cache);
    for (let n = 0; n < 20; n++) cache.set(n, new Uint8Array(100_000));
    expect(changes).toContain('evict 0');
  });

  it('stops when told to, and with the store', () => {
    const cache = open();
    const first = recordChanges(cache);
    const second = recordChanges(cache);
    cache.set('a', 1);
    first.stop();
    first.stop();
    cache.set('b', 1);
    expect(first.changes).toEqual(['set "a"']);
    expect(second.changes).toEqual(['set "a"', 'set "b"']);
    cache.close();
    expect(() => cache.subscribe(() => {})).toThrow(expect.objectContaining({ code: 'CLOSED' }));
  });

  it('costs other processes nothing once the last listener has stopped', () => {
    using cache = open();
    using other = open({}, cache.directory);
    const mine = recordChanges(cache);
    const theirs = recordChanges(other);
    cache.set('a', 1);
    mine.stop();
    expect(readChangeLog(cache)).toEqual({ triggers: 3, rows: 1 });
    theirs.stop();
    expect(readChangeLog(cache)).toEqual({ triggers: 0, rows: 0 });
    cache.set('b', 1);
    expect(readChangeLog(cache).rows).toBe(0);
  });

  it('is cleared away by the next opener when the listener was killed', () => {
    using cache = open();
    recordChanges(cache);
    const database = new Database(`${cache.directory}/cache.db`);
    database.exec('UPDATE listener SET until = 5');
    database.close();
    open({}, cache.directory).close();
    expect(readChangeLog(cache)).toEqual({ triggers: 0, rows: 0 });
  });

  it('lets a listener write; what it causes is told after what caused it', () => {
    using cache = open();
    const { changes } = recordChanges(cache);
    const stop = cache.subscribe(({ kind, key }) => {
      if (kind === 'set' && key === 'a') cache.set('copy', 1);
    });
    const after = recordChanges(cache).changes;
    cache.set('a', 1);
    expect(changes).toEqual(['set "a"', 'set "copy"']);
    expect(after).toEqual(changes);
    stop();
  });

  it('lets a listener close the store, in the middle of changes and by a timer', async () => {
    const cache = open();
    const told: Change[] = [];
    cache.subscribe((change) => {
      told.push(change);
      cache.close();
    });
    cache.setMany([
      ['a', 1],
      ['b', 2],
    ]);
    expect(told).toEqual([{ kind: 'set', key: 'a' }]);
    expect(() => cache.get('a')).toThrow(expect.objectContaining({ code: 'CLOSED' }));

    using writer = open({}, cache.directory);
    const other = open({}, cache.directory);
    other.subscribe(() => other.close());
    writer.set('c', 3);
    await vi.waitFor(() => expect(() => other.get('c')).toThrow(expect.objectContaining({ code: 'CLOSED' })));
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('on purpose');
      },
    ],
    [
      'rejects',
      async () => {
        throw new Error('on purpose');
      },
    ],
  ])('warns of a listener that %s, and goes on', async (_, listener) => {
    using cache = open();
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    cache.subscribe(listener);
    const { changes } = recordChanges(cache);
    cache.set('a', 1);
    expect(changes).toEqual(['set "a"']);
    const cause = expect.objectContaining({ message: 'on purpose' });
    await vi.waitFor(() =>
      expect(warned).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ name: 'DiskCacheWarning', cause })),
    );
    warned.mockRestore();
  });

  it('refuses a listener that is not a function and an invalid prefix', () => {
    using cache = open();
    const wrong = expect.objectContaining({ code: 'BAD_OPTION' });
    expect(() => cache.subscribe('x' as unknown as () => void)).toThrow(wrong);
    expect(() => cache.subscribe(() => {}, { prefix: 7 })).toThrow(wrong);
  });

  it('takes one selection of keys, as the compiler knows too', () => {
    using cache = open();
    const wrong = expect.objectContaining({ code: 'BAD_OPTION' });
    // @ts-expect-error: a key and a range
    expect(() => cache.subscribe(() => {}, { key: 'a', prefix: 'b' })).toThrow(wrong);
    // @ts-expect-error: a key and keys
    expect(() => cache.subscribe(() => {}, { key: 'a', keys: ['b'], values: true })).toThrow(wrong);
    // @ts-expect-error: keys and a range
    expect(() => cache.subscribe(() => {}, { keys: ['a'], from: 'b' })).toThrow(wrong);
    const options: SubscribeOptions[] = [{}, { key: 'a' }, { keys: ['a'], values: true }, { prefix: 'a', from: 'ab' }];
    for (const each of options) cache.subscribe(() => {}, each)();
  });
});
