import { describe, expect, it } from 'vitest';
import {
  Averager,
  BoundedSemaphore,
  Cache,
  Deque,
  FanoutCache,
  Index,
  Lock,
  throttle,
} from '../../main/engine/index.ts';
import { Queue } from '../../main/offline/index.ts';
import { freshDirectory } from './fresh-directory.ts';

/** Can't be made a text: `String` throws a TypeError. */
const unprintable = Object.create(null) as object;

describe('an argument of another type', () => {
  const calls: Readonly<Record<string, (argument: never) => unknown>> = {
    'the time-out of a lock': (timeout) => new Lock(new Cache(freshDirectory()), 'l').acquire({ timeout }),
    'the lease of a lock': (lease) => new Lock(new Cache(freshDirectory()), 'l', { lease }),
    'the bound of a semaphore': (bound) => new BoundedSemaphore(new Cache(freshDirectory()), 's', bound),
    'the count of a throttle': (count) => throttle(new Cache(freshDirectory()), count, 10),
    'the time-out of a throttle': (timeout) => throttle(new Cache(freshDirectory()), 1, 10, { timeout }),
    'what is added to a mean': (value) => new Averager(new Cache(freshDirectory()), 'a').add(value),
    'the number of shards': (shards) => new FanoutCache(freshDirectory(), { shards }),
    'the version of an index': (version) => new Index(freshDirectory(), { version }),
    'the lease of a queue': (lease) => new Queue(freshDirectory(), { lease }),
  };
  for (const [name, call] of Object.entries(calls)) {
    it(`is described by its type: ${name}`, () => {
      expect(() => call('50' as never)).toThrow(/'50'/);
      expect(() => call(unprintable as never)).toThrow(
        expect.objectContaining({ name: 'DiskCacheError', message: expect.stringContaining('an object') }),
      );
    });
  }
});

describe('an option that is given wrongly', () => {
  const openCache = () => new Cache(freshDirectory());
  const openQueue = () => new Queue(freshDirectory());
  const calls: Readonly<Record<string, () => unknown>> = {
    // 'no' would stand for true, and what is damaged would be deleted.
    'repair of check': () => openCache().check({ repair: 'no' } as never),
    'repair of the check of shards': () => new FanoutCache(freshDirectory()).check({ repair: 1 } as never),
    'repair of the check of an index': () => new Index(freshDirectory()).check({ repair: 'no' } as never),
    'repair of the check of a deque': () => new Deque(freshDirectory()).check({ repair: 'no' } as never),
    'repair of the check of a queue': () => openQueue().check({ repair: 'no' } as never),
    'a misspelt repair of a queue': () => openQueue().check({ repiar: true } as never),
    'reset of stats': () => openCache().stats({ reset: 'no' } as never),
    'reset of the stats of shards': () => new FanoutCache(freshDirectory()).stats({ reset: 'no' } as never),
    'ttl of memoize': () => openCache().memoize(() => 1, { name: 'f', ttl: '5' as never }),
    'tag of memoize': () => openCache().memoize(() => 1, { name: 'f', tag: {} as never }),
    'a misspelt option of stampede': () =>
      openCache().memoize(() => 1, { name: 'f', stampede: { beta: 1, betta: 2 } as never }),
    'a misspelt option of peek': () => new Deque(freshDirectory()).peek({ sied: 'back' } as never),
    'a misspelt option of peekItem': () => new Index(freshDirectory()).peekItem({ lats: false } as never),
    'a misspelt option of popItem': () => new Index(freshDirectory()).popItem({ lats: false } as never),
    'migrate of an index': () => new Index(freshDirectory(), { migrate: 'up' as never }),
    'the clock of a lock': () => new Lock(openCache(), 'l', { clock: 5 as never }),
    'the clock of a throttle': () => throttle(openCache(), 1, 10, { clock: 5 as never }),
    'what a cache transacts': () => openCache().transact('work' as never),
    'what an index transacts': () => new Index(freshDirectory()).transact(undefined as never),
    'what a deque transacts': () => new Deque(freshDirectory()).transact(undefined as never),
    'what a queue transacts': () => openQueue().transact(undefined as never),
  };
  it.each(Object.entries(calls))('is refused, and nothing is done: %s', (_, call) => {
    expect(call).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }));
  });

  it('is refused by a lock that is waited for: a signal', async () => {
    const acquiring = new Lock(new Cache(freshDirectory()), 'l').acquireAsync({ signal: 5 as never });
    await expect(acquiring).rejects.toMatchObject({ code: 'BAD_OPTION', message: 'signal must be an AbortSignal' });
  });
});
