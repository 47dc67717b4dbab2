import { describe, expect, it } from 'vitest';
import { Averager, BoundedSemaphore, Cache, FanoutCache, Index, Lock, throttle } from '../../main/engine/index.ts';
import { Queue } from '../../main/offline/index.ts';
import { freshDirectory } from './directory.ts';

/** Can't be made a text: `String` throws a TypeError. */
const untellable = Object.create(null) as object;

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
    it(`is told as what it is: ${name}`, () => {
      expect(() => call('50' as never)).toThrow(/'50'/);
      expect(() => call(untellable as never)).toThrow(
        expect.objectContaining({ name: 'DiskCacheError', message: expect.stringContaining('an object') }),
      );
    });
  }
});
