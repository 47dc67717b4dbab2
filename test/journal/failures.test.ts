import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import type { ErrorCode } from '../../protocol/error.ts';
import { corruptPages, getLeafPages } from '../engine/damaged-file.ts';
import { withSystemError } from '../engine/fail-system-call.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { errorMatching } from '../matchers.ts';
import { copyAsKilled, getUserVersion, listJournals, openJournaled } from './journal-fixture.ts';

/** Opens a store with a journal, then runs work while writing to its files fails. */
function withFailingWrites(errno: string, work: (cache: Cache<string, unknown>) => void): Cache<string, unknown> {
  let cache!: Cache<string, unknown>;
  withSystemError('openSync', errno, 'no such path', () => {
    cache = openJournaled();
    cache.set('a', 1);
    withSystemError('writeSync', errno, 'journal-', () => work(cache));
  });
  return cache;
}

describe('where the journal can not be written', () => {
  it.each<[string, ErrorCode]>([
    ['ENOSPC', 'DISK_FULL'],
    ['EIO', 'IO'],
  ])('%s is %s, changes nothing, and the next write works', (errno, code) => {
    using cache = withFailingWrites(errno, (store) => {
      expect(() => store.set('b', 1)).toThrow(errorMatching(code, /journal-[01]/));
      expect(() => store.delete('a')).toThrow(errorMatching(code, /journal-[01]/));
      expect([store.get('a'), store.has('b')]).toEqual([1, false]);
    });
    cache.set('d', 1);
    cache.set('d', 2);
    using found = new Cache<string, unknown>(copyAsKilled(cache));
    expect([...found.entries()]).toEqual([
      ['first', 1],
      ['a', 1],
      ['d', 2],
    ]);
    expect([...cache.entries()]).toEqual([...found.entries()]);
    expect(found.check()).toEqual([]);
  });

  it.each<[string, ErrorCode | undefined]>([
    ['ENOSPC', undefined],
    ['EIO', 'IO'],
  ])('a transaction with %s is one of SQLite if it lacks space only, and else fails as a whole', (errno, code) => {
    using cache = withFailingWrites(errno, (store) => {
      const transaction = () =>
        store.transact(() => {
          store.set('c', 1);
          store.delete('a');
        });
      if (code === undefined) transaction();
      else expect(transaction).toThrow(errorMatching(code, /journal-0/));
      expect([store.has('a'), store.has('c'), store.inTransaction]).toEqual(
        code === undefined ? [false, true, false] : [true, false, false],
      );
    });
    cache.set('d', 1);
    using found = new Cache<string, unknown>(copyAsKilled(cache));
    expect([...found.entries()]).toEqual([...cache.entries()]);
    expect(found.check()).toEqual([]);
  });

  it('a store whose journal can not be created refuses the write, and leaves nothing of it on disk', () => {
    const directory = freshDirectory();
    const cache = new Cache<string, unknown>(directory, { exclusive: true });
    cache.set('first', 0);
    const refused = withSystemError('openSync', 'EACCES', 'journal-', () => {
      expect(() => cache.set('a', 1)).toThrow(errorMatching('NOT_ALLOWED', /journal-0/));
    });
    expect([refused > 0, cache.has('a')]).toEqual([true, false]);
    cache.close();
    expect([getUserVersion(directory), listJournals(directory)]).toEqual([1, []]);
  });
});

describe('what is pending for a damaged database', () => {
  const ITEMS = 2000;

  /** Opens a store with damaged pages, and sets every item again. */
  function openDamaged(): Cache<string, unknown> {
    const directory = freshDirectory();
    const filled = new Cache<string, unknown>(directory);
    for (let nth = 0; nth < ITEMS; nth++) filled.set(`k${nth}`, 'x'.repeat(50));
    filled.close();
    corruptPages(directory, getLeafPages(directory, 'entry').slice(2, 5));
    const cache = openJournaled(directory);
    for (let nth = 0; nth < ITEMS; nth++) cache.set(`k${nth}`, nth);
    return cache;
  }

  it('is read by key, and applied once the database is repaired', () => {
    using cache = openDamaged();
    expect([cache.get('k100'), cache.get('k1999')]).toEqual([100, 1999]);
    expect(cache.check()).toContainEqual(expect.objectContaining({ code: 'database' }));
    cache.check({ repair: true });
    expect(cache.check()).toEqual([]);
    expect(cache.size).toBe(ITEMS + 1);
    for (let nth = 0; nth < ITEMS; nth++) expect(cache.get(`k${nth}`)).toBe(nth);
    cache.set('after', 1);
    using found = new Cache<string, unknown>(copyAsKilled(cache));
    expect([found.size, found.get('after'), found.get('k500')]).toEqual([ITEMS + 2, 1, 500]);
  });

  it('is gone when everything is cleared', () => {
    using cache = openDamaged();
    cache.clear();
    expect([cache.size, cache.get('k1999'), cache.check()]).toEqual([0, undefined, []]);
    cache.set('after', 1);
    using found = new Cache<string, unknown>(copyAsKilled(cache));
    expect([...found.keys()]).toEqual(['after']);
  });

  it('is kept aside by the opening after a crash, which succeeds', () => {
    const damaged = openDamaged();
    const directory = copyAsKilled(damaged);
    damaged.close();
    expect(listJournals(damaged.directory)).toEqual(['journal-0', 'journal-1']);
    using cache = new Cache<string, unknown>(directory);
    expect(cache.check()).toContainEqual(expect.objectContaining({ path: expect.stringMatching(/damaged$/) }));
    cache.check({ repair: true });
    expect(cache.check()).toEqual([]);
  });
});

describe('where something else deletes the files of an open journal', () => {
  it('begins again with all changes, so that a kill loses nothing that is written from then on', async () => {
    using cache = openJournaled();
    const { directory } = cache;
    for (let n = 0; n < 20; n++) cache.set(`before ${n}`, n);
    for (const name of listJournals(directory)) rmSync(join(directory, name));
    let last = 0;
    const setAndFindKilled = () => {
      cache.set('after', ++last);
      using found = new Cache<string, unknown>(copyAsKilled(cache));
      return [found.size, found.get('after') === last, found.check()];
    };
    // The files are checked now and then.
    await expect.poll(setAndFindKilled).toEqual([22, true, []]);
    expect(listJournals(directory)).toHaveLength(2);
    expect([cache.size, cache.get('before 19'), cache.get('after')]).toEqual([22, 19, last]);
  });
});
