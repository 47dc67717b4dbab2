import { describe, expect, it } from 'vitest';
import { Cache, DiskCacheError } from '../../main/engine/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { errorMatching } from '../matchers.ts';
import { type FileFault, withFileFaults } from './failing-file.ts';
import { copyAsKilled, openJournaled } from './journal-fixture.ts';

const listItems = (cache: Cache<string, unknown>): [string, unknown][] => [...cache.entries()];

function readAsKilled(cache: Cache<string, unknown>): [string, unknown][] {
  using found = new Cache<string, unknown>(copyAsKilled(cache), { exclusive: true });
  expect(found.check()).toEqual([]);
  return listItems(found);
}

const MAX_TRIES = 5;
const FULL: FileFault = { call: 'writeSync', bytes: 0, errno: 'ENOSPC' };
const TORN: FileFault = { call: 'writeSync', bytes: 60, errno: 'ENOSPC' };
const CUT_FAILS: FileFault = { call: 'ftruncateSync', errno: 'EIO' };

interface Attempt {
  readonly write: (cache: Cache<string, unknown>) => unknown;
  readonly change: (items: Map<string, unknown>) => void;
  /** Whether it can be a transaction of SQLite instead. */
  readonly isTransaction?: true;
}

/** Writes that are one record each. */
const ATTEMPTS: readonly Attempt[] = [
  {
    write: (cache) =>
      cache.transact(() => {
        cache.set('a', 3);
        cache.delete('b');
      }),
    change: (items) => void items.set('a', 3).delete('b'),
    isTransaction: true,
  },
  { write: (cache) => cache.set('a', 'x'.repeat(500)), change: (items) => void items.set('a', 'x'.repeat(500)) },
  { write: (cache) => cache.set('new', 'x'.repeat(500)), change: (items) => void items.set('new', 'x'.repeat(500)) },
  { write: (cache) => cache.delete('b'), change: (items) => void items.delete('b') },
  {
    write: (cache) => cache.setMany(Array.from({ length: 20 }, (_, nth) => [`many ${nth}`, nth])),
    change: (items) => {
      for (let nth = 0; nth < 20; nth++) items.set(`many ${nth}`, nth);
    },
    isTransaction: true,
  },
  { write: (cache) => cache.incr('a'), change: (items) => void items.set('a', 2), isTransaction: true },
];

function getFailure(work: () => unknown): DiskCacheError | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(DiskCacheError);
    expect((error as DiskCacheError).code).toMatch(/^(DISK_FULL|IO)$/);
    return error as DiskCacheError;
  }
}

describe('a journal whose file fails', () => {
  it('writes what a short write has left', () => {
    const left = withFileFaults((faults) => {
      using cache = openJournaled();
      for (const bytes of [1, 7, 8, 31, 32, 100]) {
        faults.push({ call: 'writeSync', bytes }, { call: 'writeSync', bytes: 1 });
        cache.set(`after ${bytes}`, 'x'.repeat(300));
        cache.set(`whole ${bytes}`, bytes);
      }
      expect(readAsKilled(cache)).toEqual(listItems(cache));
      expect(cache.size).toBe(13);
    });
    expect(left).toEqual([]);
  });

  for (const [what, ...together] of [
    ['is full', FULL],
    ['is full in the middle of a record', TORN],
    ['is full after a short write', { call: 'writeSync', bytes: 10 }, TORN],
    ['is full, and can not be cut', TORN, CUT_FAILS],
  ] as const satisfies [string, ...FileFault[]][]) {
    it(`makes a change as a whole or not at all when the disk ${what}, and goes on`, () => {
      withFileFaults((faults) => {
        const isCut = !(together as readonly FileFault[]).includes(CUT_FAILS);
        for (const { write, change, isTransaction } of ATTEMPTS) {
          // Each in a store of its own: one that often applies few changes writes directly for a while.
          using cache = openJournaled();
          cache.set('a', 1);
          cache.set('b', 'before');
          const expected = new Map<string, unknown>([
            ['first', 1],
            ['a', 1],
            ['b', 'before'],
          ]);
          // Several times: a verb may give up the ballast, or empty the log, and try once more.
          for (let tries = 0; tries < MAX_TRIES; tries++) faults.push(...together);
          const failure = getFailure(() => write(cache));
          if (failure === undefined) change(expected);
          else expect(failure, String(write)).toEqual(errorMatching(isCut ? 'DISK_FULL' : failure.code, 'journal-'));
          // A file that could not be cut isn't as it was left, so a new one may have taken its place.
          if (isTransaction || isCut) expect(failure === undefined, String(write)).toBe(isTransaction === true);
          expect(faults.length).toBeLessThan(MAX_TRIES * together.length);
          faults.length = 0;
          for (const key of ['a', 'b', 'new', 'many 3']) expect(cache.get(key)).toBe(expected.get(key));
          expect(readAsKilled(cache)).toEqual([...expected]);
          // Shorter than what failed: the rest of that must not hide it.
          for (const value of ['next', 'again']) {
            cache.set('short', value);
            expect(readAsKilled(cache)).toEqual([...expected.set('short', value)]);
          }
          expect(listItems(cache)).toEqual([...expected]);
        }
      });
    });
  }

  it('does not count a record that could not be synced', () => {
    withFileFaults((faults) => {
      using cache = openJournaled(freshDirectory(), { durability: 'power' });
      cache.set('a', 1);
      faults.push({ call: 'fdatasyncSync', errno: 'EIO' });
      expect(() => cache.set('a', 2)).toThrow(errorMatching('IO'));
      expect(cache.get('a')).toBe(1);
      expect(readAsKilled(cache)).toEqual([
        ['first', 1],
        ['a', 1],
      ]);
      cache.set('b', 1);
      expect(readAsKilled(cache)).toEqual(listItems(cache));
    });
  });
});
