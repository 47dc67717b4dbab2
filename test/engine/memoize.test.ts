import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it, vi } from 'vitest';
import { Cache, type Key } from '../../main/engine/index.ts';
import { createIdentity, type ProcessIdentity } from '../../main/engine/process-identity.ts';
import { encodeKey } from '../../main/engine/values/key.ts';
import { createManualClock } from './engine-fixture.ts';
import { freshDirectory } from './fresh-directory.ts';

const failure = (code: string) => expect.objectContaining({ code });
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function open() {
  const { clock, advance } = createManualClock();
  const cache = new Cache(freshDirectory(), { clock });
  return { cache, clock, advance, [Symbol.dispose]: () => cache.close() };
}

function insertLease(cache: Cache, name: Key, other: Partial<ProcessIdentity>): void {
  const owner = { ...createIdentity(), ...other };
  const database = new Database(join(cache.directory, 'cache.db'));
  database
    .prepare('INSERT INTO lease VALUES (?, ?, ?, unixepoch() + 1000)')
    .run(encodeKey(name), JSON.stringify(owner), owner.pid);
  database.close();
}

describe('memoize', () => {
  it('runs a function once per arguments, across reopening', () => {
    const directory = freshDirectory();
    const square = vi.fn((n: number) => ({ n: n * n }));
    for (let round = 0; round < 2; round++) {
      using cache = new Cache(directory);
      const remembered = cache.memoize(square, { name: 'square' });
      expect([remembered(2), remembered(2), remembered(3)]).toEqual([{ n: 4 }, { n: 4 }, { n: 9 }]);
    }
    expect(square).toHaveBeenCalledTimes(2);
  });

  it('awaits a function that has a then method, as it awaits any other thenable', async () => {
    using opened = open();
    // biome-ignore lint/suspicious/noThenProperty: a thenable is what the test is about
    const compute = vi.fn(() => Object.assign(() => {}, { then: (resolve: (value: number) => void) => resolve(7) }));
    const cached = opened.cache.memoize(compute, { name: 'thenable' });
    expect([await cached(), await cached()]).toEqual([7, 7]);
    expect(compute).toHaveBeenCalledOnce();
  });

  it('remembers undefined and null, tells arguments apart, and trims undefined at the end', () => {
    using opened = open();
    const fn = vi.fn((...args: unknown[]) => args[0]);
    const remembered = opened.cache.memoize(fn, { name: 'f' });
    for (const args of [
      [],
      [undefined],
      [null],
      [null, undefined],
      [1],
      ['1'],
      [1n],
      [[1]],
      [{ a: 1, b: 2 }],
      [{ b: 2, a: 1 }],
    ]) {
      expect(remembered(...args)).toEqual(args[0]);
    }
    expect(fn).toHaveBeenCalledTimes(7);
    expect(() => remembered(() => 1)).toThrow(failure('BAD_KEY'));
  });

  it('takes a key of the caller’s own, a ttl and a tag', () => {
    using opened = open();
    const { cache, advance } = opened;
    const fn = vi.fn((user: { id: number }) => user.id);
    const remembered = cache.memoize(fn, { name: 'user', key: ({ id }) => id, ttl: 10, tag: 'users' });
    const user = { id: 7, loaded: () => true };
    remembered(user);
    remembered({ ...user });
    expect(fn).toHaveBeenCalledTimes(1);
    advance(10);
    remembered(user);
    expect(fn).toHaveBeenCalledTimes(2);
    expect(cache.evict('users')).toBe(1);
    remembered(user);
    expect(fn).toHaveBeenCalledTimes(3);
    expect([...cache.keys({ prefix: ['user'] })]).toEqual([['user', 7]]);
  });

  it('does not remember a failure', async () => {
    using opened = open();
    const fn = vi.fn((fails: boolean) => {
      if (fails) throw new Error('on purpose');
      return 1;
    });
    const remembered = opened.cache.memoize(fn, { name: 'f', key: () => 'same' });
    expect(() => remembered(true)).toThrow('on purpose');
    expect(remembered(false)).toBe(1);
    const later = opened.cache.memoize(async (fails: boolean) => fn(fails), { name: 'g', key: () => 'same' });
    await expect(later(true)).rejects.toThrow('on purpose');
    expect(await later(false)).toBe(1);
    expect(fn).toHaveBeenCalledTimes(4);
  });

  it('may call itself', () => {
    using opened = open();
    const calls = vi.fn();
    const fib: (n: number) => number = opened.cache.memoize(
      (n: number): number => {
        calls();
        return n < 2 ? n : fib(n - 1) + fib(n - 2);
      },
      { name: 'fib' },
    );
    expect(fib(30)).toBe(832_040);
    expect(calls).toHaveBeenCalledTimes(31);
  });

  it('runs an async function once for all who ask meanwhile, in several stores of one directory', async () => {
    using opened = open();
    using other = new Cache(opened.cache.directory, { clock: opened.clock });
    const load = vi.fn(async (id: number) => {
      await sleep(30);
      return { id };
    });
    const here = opened.cache.memoize(load, { name: 'load' });
    const there = other.memoize(load, { name: 'load' });
    const first = [here(1), here(1)];
    const answers = await Promise.all([...first, there(1), there(1), here(2)]);
    expect(answers).toEqual([{ id: 1 }, { id: 1 }, { id: 1 }, { id: 1 }, { id: 2 }]);
    expect(load).toHaveBeenCalledTimes(2);
    expect(await there(1)).toEqual({ id: 1 });
    expect(opened.cache.size).toBe(2);
  });

  it('recomputes early, answers with what it has meanwhile, and only once', async () => {
    using opened = open();
    const { cache, advance } = opened;
    let version = 0;
    const load = vi.fn(async () => {
      await sleep(10);
      return ++version;
    });
    const remembered = cache.memoize(load, { name: 'v', ttl: 1000, stampede: { beta: 1 } });
    expect(await remembered()).toBe(1);
    vi.spyOn(Math, 'random').mockReturnValue(0.5);
    expect(await remembered()).toBe(1);
    expect(load).toHaveBeenCalledTimes(1);
    advance(999);
    expect(await Promise.all([remembered(), remembered(), remembered()])).toEqual([1, 1, 1]);
    await vi.waitFor(async () => expect(await remembered()).toBe(2));
    expect(load).toHaveBeenCalledTimes(2);
    vi.restoreAllMocks();
  });

  it('takes over from a process that died while it computed', () => {
    using opened = open();
    const { cache } = opened;
    const remembered = cache.memoize(() => 1, { name: 'f' });
    remembered();
    cache.clear();
    // What a killed process leaves behind: the lease of a process id that is no more.
    insertLease(cache, ['f'], { pid: 2 ** 22 + 7 });
    expect(remembered()).toBe(1);
  });

  it.runIf(process.platform === 'linux')('takes over where the number of the dead was given to another process', () => {
    using opened = open();
    const { cache } = opened;
    const remembered = cache.memoize((n: number) => n, { name: 'f' });
    insertLease(cache, ['f', 1], { pid: process.ppid, started: 'another one' });
    insertLease(cache, ['f', 2], { started: 'another one' });
    expect([remembered(1), remembered(2)]).toEqual([1, 2]);
  });

  it('does not judge a process of another machine by its number', async () => {
    using opened = open();
    const { cache } = opened;
    insertLease(cache, ['f'], { pid: 2 ** 22 + 7, host: 'elsewhere' });
    const compute = vi.fn(async () => 1);
    const answer = cache.memoize(compute, { name: 'f' })();
    await sleep(60);
    expect(compute).not.toHaveBeenCalled();
    const database = new Database(join(cache.directory, 'cache.db'));
    database.exec('DELETE FROM lease');
    database.close();
    expect(await answer).toBe(1);
  });

  it('answers what it computed when the store is closed meanwhile, and leaves no lease', async () => {
    const directory = freshDirectory();
    const cache = new Cache(directory);
    const slow = cache.memoize(
      async () => {
        await sleep(20);
        return 'done';
      },
      { name: 'slow' },
    );
    const answer = slow();
    cache.close();
    expect(await answer).toBe('done');
    using again = new Cache(directory);
    expect(again.memoize(() => 'at once', { name: 'slow' })()).toBe('at once');
  });

  it('keeps its lease beside a writer that holds the lock for long', () => {
    vi.useFakeTimers();
    using opened = open();
    using busy = new Cache(opened.cache.directory, { timeout: 0 });
    const slow = busy.memoize(() => new Promise<never>(() => {}), { name: 'slow' });
    slow();
    opened.cache.transact(() => vi.advanceTimersByTime(10_001));
    vi.advanceTimersByTime(10_001);
    vi.useRealTimers();
    expect(busy.size).toBe(0);
  });

  it('refuses options that mean nothing', () => {
    using opened = open();
    const { cache } = opened;
    for (const options of [
      undefined,
      {},
      { name: '' },
      { name: 'f', key: 5 },
      { name: 'f', stampede: { beta: 0 } },
      { name: 'f', tll: 5 },
    ]) {
      expect(() => cache.memoize(() => 1, options as { name: string })).toThrow(failure('BAD_OPTION'));
    }
    expect(() => cache.memoize(5 as unknown as () => 1, { name: 'f' })).toThrow(failure('BAD_OPTION'));
  });
});
