import { describe, expect, it } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import type { ErrorCode } from '../../protocol/error.ts';
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
      expect(() => store.set('b', 1)).toThrow(errorMatching(code, /journal-0/));
      expect(() => store.delete('a')).toThrow(errorMatching(code, /journal-0/));
      const transaction = () =>
        store.transact(() => {
          store.set('c', 1);
          store.delete('a');
        });
      expect(transaction).toThrow(errorMatching(code, /journal-0/));
      expect([store.get('a'), store.has('b'), store.has('c'), store.inTransaction]).toEqual([1, false, false, false]);
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

  it('a store whose journal could not be begun is as one without', () => {
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
