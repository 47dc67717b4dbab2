import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Cache, Deque, FanoutCache, Index } from '../../main/engine/index.ts';
import { Queue } from '../../main/queue/index.ts';
import { DiskCacheError, type ErrorCode } from '../../protocol/error.ts';
import { errorMatching } from '../matchers.ts';
import { waitUntil } from '../queue/queue-fixture.ts';
import { withSystemError } from './fail-system-call.ts';
import { freshDirectory } from './fresh-directory.ts';

const large = (mark: string) => mark.repeat(50_000);

/** What the system may say of a value file that is whole, and what a caller is told. */
const REFUSALS = [
  ['EIO', 'IO'],
  ['ENOMEM', 'IO'],
  ['ESTALE', 'IO'],
  ['ETIMEDOUT', 'IO'],
  ['EINTR', 'IO'],
  ['ENXIO', 'IO'],
  ['EBUSY', 'BUSY'],
  ['EMFILE', 'BUSY'],
  ['ENFILE', 'BUSY'],
  ['EACCES', 'NOT_ALLOWED'],
  ['EPERM', 'NOT_ALLOWED'],
] as const satisfies readonly (readonly [string, ErrorCode])[];

const getErrorCode = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    return error instanceof DiskCacheError ? error.code : `${error}`;
  }
  return 'nothing was thrown';
};

describe.each(REFUSALS)('a value file that the system refuses with %s', (errno, code) => {
  it.each(['openSync', 'readSync'] as const)('by %s is told as that, and no verb gives it up', (call) => {
    using deque = new Deque<string>(freshDirectory(), { durability: 'process' });
    deque.push(large('a'), large('b'), large('c'));
    using index = new Index<string, string>(freshDirectory(), { durability: 'process' });
    index.set('a', large('a')).set('b', large('b'));
    using cache = new Cache<string, string>(freshDirectory());
    cache.push(large('a'));
    cache.set('k', large('k'));
    using fanout = new FanoutCache<string, string>(freshDirectory(), { shards: 2 });
    fanout.set('k', large('k'));
    const verbs: (() => unknown)[] = [
      () => deque.shift(),
      () => deque.pop(),
      () => deque.splice(0, 2),
      () => deque.peek(),
      () => deque.at(1),
      () => deque.remove('x'),
      () => deque.transact(() => deque.shift()),
      () => index.get('a'),
      () => index.pop('a'),
      () => index.popItem(),
      () => index.update('a', () => 'new'),
      () => cache.pull(),
      () => cache.peek(),
      () => cache.pop('k'),
      () => cache.update('k', () => 'new'),
      () => cache.incr('k'),
      () => cache.getMany(['k']),
      () => fanout.pop('k'),
      ...[deque, index, cache, fanout].map((store) => () => store.check({ repair: true })),
    ];
    const refused = withSystemError(call, errno, '.val', () => {
      for (const verb of verbs) expect(`${verb}: ${getErrorCode(verb)}`).toBe(`${verb}: ${code}`);
    });
    expect(refused).toBeGreaterThanOrEqual(verbs.length);
    expect([...deque].map((value) => value[0])).toEqual(['a', 'b', 'c']);
    expect([...index.keys()]).toEqual(['a', 'b']);
    expect([cache.pull()?.[1][0], cache.get('k')?.[0], fanout.get('k')?.[0]]).toEqual(['a', 'k', 'k']);
    for (const store of [deque, index, cache, fanout]) expect(store.check()).toEqual([]);
  });

  it('makes no job dead and stops no worker: others are done, and it is when it can be read', async () => {
    const time = { now: 1_000_000 };
    using queue = new Queue<string>(freshDirectory(), { durability: 'process', clock: () => time.now });
    const { id } = queue.enqueue(large('a'), { priority: 3 });
    queue.enqueue('small');
    const done: string[] = [];
    const stop = new AbortController();
    let working: Promise<void> | undefined;
    const refused = withSystemError('readSync', errno, '.val', () => {
      // The first turn of a worker is taken at once.
      working = queue.process((job) => void done.push(job.payload[0]!), { signal: stop.signal });
    });
    expect(refused).toBeGreaterThan(0);
    await waitUntil(() => queue.counts().done === 1);
    expect(done).toEqual(['s']);
    expect(queue.counts()).toMatchObject({ dead: 0, delayed: 1 });
    expect(queue.get(id)).toMatchObject({ state: 'delayed', priority: 3, attempts: 0 });
    time.now += 10_000;
    await waitUntil(() => queue.counts().done === 2);
    expect(done).toEqual(['s', 'a']);
    stop.abort();
    await working;
  });
});

describe('a refusal to write', () => {
  const WRITES = [
    ['EIO', 'IO'],
    ['ENOSPC', 'DISK_FULL'],
    ['EDQUOT', 'DISK_FULL'],
    ['EROFS', 'READ_ONLY'],
    ['EMFILE', 'BUSY'],
    ['EACCES', 'NOT_ALLOWED'],
  ] as const;
  const CALLS = [
    ['openSync', '.val'],
    ['writeSync', '.val'],
    ['fsyncSync', '.val'],
    ['renameSync', '.val'],
    ['mkdirSync', 'values/'],
  ] as const;

  it.each(WRITES.flatMap(([errno, code]) => CALLS.map((call) => [errno, ...call, code] as const)))(
    '%s of %s leaves everything as it was',
    (errno, call, part, code) => {
      using cache = new Cache<string, string>(freshDirectory(), { durability: 'power' });
      cache.set('small', 'a');
      // The first large value, so that its folders are to be made.
      const refused = withSystemError(call, errno, part, () => {
        expect(getErrorCode(() => cache.set('small', large('b')))).toBe(code);
        expect(getErrorCode(() => cache.push(large('c')))).toBe(code);
        expect(
          getErrorCode(() =>
            cache.transact(() => {
              cache.set('one', 'x');
              cache.set('two', large('d'));
            }),
          ),
        ).toBe(code);
      });
      expect(refused).toBeGreaterThanOrEqual(3);
      expect([...cache]).toEqual([['small', 'a']]);
      expect(cache.check()).toEqual([]);
      cache.set('small', large('e'));
      expect(cache.get('small')).toBe(large('e'));
    },
  );
});

describe('a value file that is missing', () => {
  it('is damage, and its item is taken away', () => {
    using deque = new Deque<string>(freshDirectory(), { durability: 'process' });
    deque.push(large('a'), 'b');
    const values = join(deque.directory, 'values');
    for (const bucket of readdirSync(values)) rmSync(join(values, bucket), { recursive: true });
    expect(() => deque.shift()).toThrow(errorMatching('CORRUPT', 'is missing'));
    expect(deque.shift()).toBe('b');
  });

  it('with all others says nothing about it: the folder may be put back', () => {
    using deque = new Deque<string>(freshDirectory(), { durability: 'process' });
    deque.push(large('a'), 'b');
    rmSync(join(deque.directory, 'values'), { recursive: true });
    expect(() => deque.shift()).toThrow(errorMatching('IO', 'values is gone'));
    expect(() => deque.check({ repair: true })).toThrow(errorMatching('IO'));
    expect(deque.length).toBe(2);
  });
});

describe('opening', () => {
  it('says that a path is too long for SQLite, and makes nothing', () => {
    const root = freshDirectory();
    let directory = root;
    while (Buffer.byteLength(directory) < 520) directory += `/${'z'.repeat(60)}`;
    expect(() => new Cache(directory)).toThrow(errorMatching('BAD_OPTION', 'too long a path'));
    expect(() => new FanoutCache(directory)).toThrow(errorMatching('BAD_OPTION', 'too long a path'));
    expect(readdirSync(root)).toEqual([]);
  });

  it.each([
    ['EIO', 'IO'],
    ['ENOSPC', 'DISK_FULL'],
    ['EROFS', 'READ_ONLY'],
    ['EMFILE', 'BUSY'],
    ['EACCES', 'NOT_ALLOWED'],
  ] as const)('tells %s when a folder is to be made', (errno, code) => {
    const directory = join(freshDirectory(), 'new');
    const refused = withSystemError('mkdirSync', errno, 'new', () => {
      for (const open of [
        () => new Cache(directory),
        () => new Index(directory),
        () => new Deque(directory),
        () => new FanoutCache(directory),
      ])
        expect(getErrorCode(open)).toBe(code);
    });
    expect(refused).toBe(4);
  });
});
