import { existsSync, rmSync, truncateSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Cache, FanoutCache, Index } from '../../main/engine/index.ts';
import type { CacheOptions } from '../../protocol/options.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import {
  copyAsKilled,
  getUserVersion,
  listJournals,
  listRecords,
  openJournaled,
  readJournal,
  withDatabase,
  writeJournal,
} from './journal-fixture.ts';

/** Epoch seconds. */
const BEFORE_BOOT = 0;

const listItems = (cache: Cache<string, unknown>): [string, unknown][] => [...cache.entries()];

function readAsKilled(cache: Cache<string, unknown>): [string, unknown][] {
  using found = new Cache<string, unknown>(copyAsKilled(cache));
  return listItems(found);
}

afterEach(() => void vi.useRealTimers());

describe('the journal of an exclusive store', () => {
  it('lets an iteration reach what is added after the last items were deleted', () => {
    using cache = openJournaled();
    cache.set('a', 1, { tag: 'old' });
    cache.set('b', 2);
    const items = cache.entries();
    expect([items.next().value, items.next().value, items.next().value]).toEqual([
      ['first', 1],
      ['a', 1],
      ['b', 2],
    ]);
    cache.delete('b');
    cache.evict('old');
    cache.set('c', 3);
    expect(items.next().value).toEqual(['c', 3]);
  });

  it('is there with the first small write, and gone when the store is closed', () => {
    const cache = openJournaled();
    cache.set('a', 1);
    expect(listJournals(cache.directory)).toEqual(['journal-0', 'journal-1']);
    cache.close();
    expect(listJournals(cache.directory)).toEqual([]);
    using again = new Cache<string, unknown>(cache.directory);
    expect(listItems(again)).toEqual([
      ['first', 1],
      ['a', 1],
    ]);
  });

  it('is not there for a store that others may open', () => {
    using cache = openJournaled(freshDirectory(), { exclusive: false });
    cache.set('a', 1);
    expect(listJournals(cache.directory)).toEqual([]);
  });

  it('keeps what was written when the process is killed, in stored order', () => {
    using cache = openJournaled();
    cache.set('b', 'text');
    cache.set('a', Uint8Array.of(1, 2));
    cache.set('first', { plain: true });
    cache.set('c', 3, { tag: 'group', ttl: 1_000_000 });
    cache.delete('b');
    cache.set('b', 'again');
    cache.set('gone', 1);
    cache.delete('gone');
    expect(readAsKilled(cache)).toEqual([
      ['first', { plain: true }],
      ['a', Uint8Array.of(1, 2)],
      ['c', 3],
      ['b', 'again'],
    ]);
    expect(readAsKilled(cache)).toEqual(listItems(cache));
  });

  it('keeps tag, expiry and times', () => {
    let now = 1000;
    using cache = openJournaled(freshDirectory(), { clock: () => now });
    now = 2000;
    cache.set('a', 1, { tag: 'group', ttl: 500 });
    using found = new Cache<string, unknown>(copyAsKilled(cache), { clock: () => now });
    expect(found.getEntry('a')).toEqual(cache.getEntry('a'));
    expect(found.getEntry('a')).toMatchObject({ storedAt: 2000, expiresAt: 2500, tag: 'group', hits: 0 });
    now = 2500;
    expect([found.has('a'), cache.has('a'), cache.get('a'), cache.delete('a')]).toEqual([
      false,
      false,
      undefined,
      false,
    ]);
  });

  it('gives an item that was deleted or has expired a new place', () => {
    let now = 1000;
    using cache = openJournaled(freshDirectory(), { clock: () => now });
    cache.set('deleted', 1);
    cache.set('expired', 1, { ttl: 10 });
    cache.set('last', 1);
    expect(cache.size).toBe(4);
    cache.delete('deleted');
    cache.set('deleted', 2);
    cache.set('pending', 1, { ttl: 5 });
    cache.set('behind', 1);
    now = 1005;
    cache.set('pending', 2);
    const expected = ['first', 'expired', 'last', 'deleted', 'behind', 'pending'];
    expect(readAsKilled(cache).map(([key]) => key)).toEqual(expected.filter((key) => key !== 'expired'));
    expect([...cache.keys()]).toEqual(expected);
  });

  it('belongs to an index and to shards, too', () => {
    const directory = freshDirectory();
    const index = new Index<string, number>(join(directory, 'index'), { exclusive: true });
    for (let nth = 0; nth < 10; nth++) index.set(`k${nth}`, nth);
    expect(listJournals(index.directory)).not.toEqual([]);
    index.close();
    const fanout = new FanoutCache<string, number>(join(directory, 'fanout'), { exclusive: true, shards: 2 });
    for (let nth = 0; nth < 100; nth++) fanout.set(`k${nth}`, nth);
    expect([...fanout.values()]).toEqual(Array.from({ length: 100 }, (_, nth) => nth));
    fanout.close();
    using again = new FanoutCache<string, number>(join(directory, 'fanout'));
    expect([...again.values()]).toEqual(Array.from({ length: 100 }, (_, nth) => nth));
  });

  it('is applied when nothing was written for a while', async () => {
    vi.useFakeTimers();
    using cache = openJournaled();
    for (let nth = 0; nth < 2000; nth++) cache.set(`k${nth}`, nth);
    const path = copyAsKilled(cache);
    rmSync(join(path, 'journal-0'));
    using before = new Cache<string, unknown>(path);
    expect(before.size).toBe(1);
    await vi.advanceTimersByTimeAsync(1000);
    const later = copyAsKilled(cache);
    for (const name of listJournals(later)) rmSync(join(later, name));
    using after = new Cache<string, unknown>(later);
    expect(after.size).toBe(2001);
  });

  it('is not applied at once by the timer that tidies up, while writes go on', async () => {
    vi.useFakeTimers();
    using cache = openJournaled();
    for (let nth = 0; nth < 2000; nth++) {
      cache.set(`k${nth}`, nth);
      if (nth % 100 === 0) await vi.advanceTimersByTimeAsync(100);
    }
    const path = copyAsKilled(cache);
    rmSync(join(path, 'journal-0'));
    using before = new Cache<string, unknown>(path);
    expect(before.size).toBe(1);
  });

  it('never grows beyond its bounds, and loses nothing there', () => {
    using cache = openJournaled();
    for (let nth = 0; nth < 50_000; nth++) cache.set(`k${nth}`, nth);
    for (let nth = 0; nth < 2000; nth++) cache.set(`k${nth}`, 'x'.repeat(16_000));
    const bytes = [0, 1].map((nth) => readJournal(cache.directory, nth).length);
    expect(Math.max(...bytes)).toBeLessThan(9 * 1024 * 1024);
    expect(readAsKilled(cache).length).toBe(50_001);
    expect(cache.size).toBe(50_001);
    expect([cache.get('k0'), cache.get('k49999')]).toEqual(['x'.repeat(16_000), 49_999]);
  });

  it('counts on disk, and against the limit', () => {
    using cache = openJournaled();
    const before = cache.volume();
    cache.set('a', 'x'.repeat(10_000));
    expect(cache.volume() - before).toBeGreaterThan(10_000);
  });

  it('does not hide a change from listeners', () => {
    using cache = openJournaled();
    cache.set('a', 1);
    const heard: unknown[] = [];
    cache.subscribe((change) => heard.push(change));
    cache.set('a', 2);
    cache.delete('a');
    expect(heard).toEqual([
      { kind: 'set', key: 'a' },
      { kind: 'delete', key: 'a' },
    ]);
  });

  it('copies the bytes of the caller', () => {
    using cache = openJournaled();
    const bytes = Uint8Array.of(1, 2, 3);
    cache.set('a', bytes);
    bytes.fill(9);
    const read = cache.get('a') as Uint8Array;
    expect(read).toEqual(Uint8Array.of(1, 2, 3));
    read.fill(8);
    expect(cache.get('a')).toEqual(Uint8Array.of(1, 2, 3));
  });

  it('is seen by an iteration that has begun', () => {
    using cache = openJournaled();
    const keys = cache.keys();
    expect(keys.next().value).toBe('first');
    cache.set('a', 1);
    cache.set('b', 1);
    cache.delete('a');
    expect([...keys]).toEqual(['b']);
  });
});

describe('a store that was killed with a journal', () => {
  function kill(options: CacheOptions = {}): string {
    using cache = openJournaled(undefined, options);
    for (const key of ['a', 'b', 'c', 'd']) cache.set(key, key);
    return copyAsKilled(cache);
  }
  const keysIn = (directory: string): string[] => {
    using cache = new Cache<string, unknown>(directory);
    return [...cache.keys()];
  };

  it('is refused by versions that know no journal, until it was opened and closed', () => {
    const directory = kill();
    expect(getUserVersion(directory)).toBe(1001);
    keysIn(directory);
    expect([getUserVersion(directory), listJournals(directory)]).toEqual([1, []]);
  });

  it('loses a torn record at the end, silently', () => {
    const directory = kill();
    const bytes = readJournal(directory);
    const last = listRecords(bytes).at(-2)!;
    writeJournal(directory, bytes.subarray(0, last + 30));
    using cache = new Cache<string, unknown>(directory);
    expect([[...cache.keys()], cache.check()]).toEqual([['first', 'a', 'b', 'c'], []]);
  });

  /** A store that was killed, with a damaged record between others. */
  function killDamaged(options: CacheOptions = {}): string {
    const directory = kill(options);
    const bytes = readJournal(directory);
    const third = listRecords(bytes).at(-3)!;
    bytes[third + 90] = bytes[third + 90]! ^ 1;
    writeJournal(directory, bytes);
    return directory;
  }

  it('uses nothing behind a damaged record, and check reports it', () => {
    const directory = killDamaged();
    using cache = new Cache<string, unknown>(directory);
    expect([...cache.keys()]).toEqual(['first', 'a', 'b']);
    expect(cache.check()).toEqual([
      expect.objectContaining({ code: 'database', path: join(directory, 'journal-0.damaged') }),
    ]);
    expect(cache.check({ repair: true })).toHaveLength(1);
    expect(cache.check()).toEqual([]);
    expect(existsSync(join(directory, 'journal-0.damaged'))).toBe(false);
  });

  it.each([
    ['process', "is silent: a disk without power loses any of what wasn't synced", []],
    ['power', 'tells: each record was synced', [expect.objectContaining({ path: expect.stringMatching(/damaged$/) })]],
  ] as const)('after a restart of the system, with %s, counts the records before one that is lost and %s', (...row) => {
    const [durability, , findings] = row;
    const directory = killDamaged({ durability });
    utimesSync(join(directory, 'journal-0'), BEFORE_BOOT, BEFORE_BOOT);
    using cache = new Cache<string, unknown>(directory);
    expect([...cache.keys()]).toEqual(['first', 'a', 'b']);
    expect(cache.check()).toEqual(findings);
    expect(listJournals(directory)).toHaveLength(findings.length);
  });

  it('uses nothing behind a gap: what was written between is lost', () => {
    using cache = openJournaled();
    cache.set('a', 1);
    expect(cache.size).toBe(2);
    cache.set('direct', 'x'.repeat(20_000));
    cache.set('b', 1);
    const directory = copyAsKilled(cache);
    withDatabase(directory, (database) => {
      database.exec(
        "DELETE FROM entry WHERE key = 'direct'; UPDATE counter SET value = value - 1 WHERE name = 'journal'",
      );
    });
    expect(keysIn(directory)).toEqual(['first', 'a']);
  });

  it('skips what is applied already', () => {
    using cache = openJournaled();
    cache.set('a', 1);
    expect(cache.size).toBe(2);
    cache.set('b', 1);
    const directory = copyAsKilled(cache);
    using found = new Cache<string, unknown>(directory);
    found.delete('a');
    expect([...found.keys()]).toEqual(['first', 'b']);
  });

  it('takes no records of another store', () => {
    const directory = kill();
    using other = openJournaled();
    other.set('foreign', 1);
    writeJournal(directory, readJournal(other.directory));
    expect(keysIn(directory)).toEqual(['first']);
  });

  it('opens with files that are no journals', () => {
    for (const bytes of [Buffer.alloc(0), Buffer.alloc(5000), Buffer.from('not a journal at all, but text')]) {
      const directory = kill();
      writeJournal(directory, bytes);
      expect(keysIn(directory)).toEqual(['first']);
    }
  });

  it('opens where the head of its journal is torn', () => {
    const directory = kill();
    truncateSync(join(directory, 'journal-0'), 20);
    expect(keysIn(directory)).toEqual(['first']);
  });
});
