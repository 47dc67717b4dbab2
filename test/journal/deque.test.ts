import { describe, expect, it, vi } from 'vitest';
import { Deque, type DequeOptions } from '../../main/engine/deque/deque.ts';
import { Statement } from '../../main/engine/sqlite/connection.ts';
import { createRandom } from '../crash/random-writes.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { copyAsKilled, listJournals, listRecords, readJournal, withDatabase, writeJournal } from './journal-fixture.ts';

const open = (options: DequeOptions = {}, directory = freshDirectory()) =>
  new Deque<unknown>(directory as never, { durability: 'process', exclusive: true, ...options });

/** Opens a deque with a journal that holds a record. */
function openJournaled(options: DequeOptions = {}): Deque<unknown> {
  const deque = open(options);
  deque.push('first');
  return deque;
}

const countRecords = (deque: Deque<unknown>): number => listRecords(readJournal(deque.directory)).length - 1;

function countAppended(deque: Deque<unknown>, work: () => void): number {
  const before = countRecords(deque);
  work();
  return countRecords(deque) - before;
}

function readAsKilled(deque: Deque<unknown>): unknown[] {
  using found = new Deque<unknown>(copyAsKilledDeque(deque) as never);
  expect(found.check()).toEqual([]);
  return [...found];
}

const copyAsKilledDeque = (deque: Deque<unknown>): string => copyAsKilled(deque);

/** The rows on disk without their times: positions, then everything that belongs to a value. */
const readRows = ({ directory }: Deque<unknown>): unknown[] =>
  withDatabase(directory, (database) =>
    database
      .prepare(
        'SELECT id, key, mode, checksum, size, file IS NULL, value, hits, visited, tag, queue, expires_at FROM entry ORDER BY id',
      )
      .raw()
      .all(),
  );

describe('the ends of a deque with a journal', () => {
  it.each<[string, (deque: Deque<unknown>) => unknown, unknown, number]>([
    ['push', (deque) => deque.push('a'), 2, 1],
    ['push of several', (deque) => deque.push('a', 'b', 'c'), 4, 1],
    ['extend', (deque) => deque.extend(['a', 'b']), 3, 1],
    ['unshift', (deque) => deque.unshift('a', 'b'), 3, 1],
    ['shift', (deque) => deque.shift(), 'first', 1],
    ['pop', (deque) => deque.pop(), 'first', 1],
    ['a shift that finds nothing', (deque) => [deque.shift(), deque.shift()], ['first', undefined], 1],
    [
      'what is read',
      (deque) => [deque.peek(), deque.peek({ side: 'back' }), deque.at(0), deque.at(1), deque.length],
      ['first', 'first', 'first', undefined, 1],
      0,
    ],
    [
      'a transaction',
      (deque) => deque.transact(() => [deque.length, deque.push('a'), deque.shift(), deque.length]),
      [1, 2, 'first', 1],
      1,
    ],
  ])('%s', (_, work, expected, records) => {
    using deque = openJournaled();
    using direct = open({ exclusive: false });
    direct.push('first');
    let result: unknown;
    expect(countAppended(deque, () => (result = work(deque)))).toBe(records);
    expect([result, work(direct)]).toEqual([expected, expected]);
    expect(readAsKilled(deque)).toEqual([...direct]);
    expect([...deque]).toEqual([...direct]);
  });

  it('need no statement for values that come and go', () => {
    using deque = openJournaled();
    // The periodic check for replaced files has just been made.
    let now = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => (now += 0.001));
    const calls = (['run', 'firstStored', 'all', 'each'] as const).map((name) => vi.spyOn(Statement.prototype, name));
    deque.push('a');
    deque.unshift('b');
    expect([deque.pop(), deque.shift(), deque.peek(), deque.length]).toEqual(['a', 'b', 'first', 1]);
    expect(calls.flatMap(({ mock }) => mock.calls)).toEqual([]);
    vi.restoreAllMocks();
  });

  it('are one record where a full deque drops a value', () => {
    using deque = openJournaled({ maxLength: 3 });
    deque.push('a', 'b');
    expect(countAppended(deque, () => expect(deque.push('c')).toBe(3))).toBe(1);
    expect(countAppended(deque, () => expect(deque.unshift('d')).toBe(3))).toBe(1);
    expect([deque.at(0), deque.at(-1)]).toEqual(['d', 'b']);
    expect(readAsKilled(deque)).toEqual(['d', 'a', 'b']);
    const torn = copyAsKilled(deque);
    const bytes = readJournal(torn);
    writeJournal(torn, bytes.subarray(0, bytes.length - 8));
    using found = new Deque<unknown>(torn as never);
    expect([...found]).toEqual(['a', 'b', 'c']);
  });

  it('a deque of at most no values stays empty', () => {
    using deque = open({ maxLength: 0 });
    expect([deque.push('a'), deque.push('a', 'b'), deque.length, deque.shift()]).toEqual([0, 0, 0, undefined]);
  });

  it('are as before when a transaction throws', () => {
    using deque = openJournaled();
    const fail = () => {
      deque.push('a', 'b');
      deque.shift();
      expect([deque.length, deque.peek()]).toEqual([2, 'a']);
      throw new Error('no');
    };
    expect(countAppended(deque, () => expect(() => deque.transact(fail)).toThrow('no'))).toBe(0);
    expect([deque.length, deque.peek(), deque.at(-1)]).toEqual([1, 'first', 'first']);
    deque.push('c');
    expect(readAsKilled(deque)).toEqual(['first', 'c']);
  });

  it('are as before when a transaction throws after it went on in the database', () => {
    using deque = openJournaled();
    const fail = () => {
      deque.push('a');
      deque.rotate();
      deque.push('b');
      expect(deque.length).toBe(3);
      throw new Error('no');
    };
    expect(() => deque.transact(fail)).toThrow('no');
    expect([deque.length, ...deque]).toEqual([1, 'first']);
    expect([deque.push('c'), ...deque]).toEqual([2, 'first', 'c']);
  });

  it('a nested transaction fails alone, without a warning', () => {
    using deque = openJournaled();
    const warn = vi.spyOn(process, 'emitWarning');
    deque.transact(() => {
      deque.push('a');
      expect(() =>
        deque.transact(() => {
          deque.push('b');
          throw new Error('no');
        }),
      ).toThrow('no');
      expect(deque.push('c')).toBe(3);
    });
    expect([...deque]).toEqual(['first', 'a', 'c']);
    expect(warn).not.toHaveBeenCalled();
    warn.mockRestore();
  });

  it('values that are too large for the journal, or in files, are in their places', () => {
    using deque = openJournaled({ fileThreshold: 50_000 });
    const [long, file] = ['l'.repeat(20_000), 'f'.repeat(60_000)];
    deque.push('a', long, 'b', file, 'c');
    expect([deque.shift(), deque.shift(), deque.shift(), deque.shift(), deque.shift()]).toEqual([
      'first',
      'a',
      long,
      'b',
      file,
    ]);
    expect([...deque]).toEqual(['c']);
    deque.unshift(file);
    deque.unshift('x');
    expect([deque.length, deque.peek(), deque.at(1), deque.pop(), deque.pop()]).toEqual([3, 'x', file, 'c', file]);
    expect(deque.check()).toEqual([]);
  });

  it('a full deque drops a value in a file', () => {
    using deque = open({ fileThreshold: 1000, maxLength: 2 });
    deque.push('f'.repeat(2000));
    deque.push('a');
    deque.push('b');
    expect([...deque]).toEqual(['a', 'b']);
    expect(deque.check()).toEqual([]);
  });

  it('values that are handed out are copies', () => {
    using deque = openJournaled();
    const bytes = Uint8Array.of(1, 2);
    deque.push(bytes, { a: 1 });
    bytes.fill(9);
    (deque.at(1) as Uint8Array).fill(8);
    (deque.peek({ side: 'back' }) as { a: number }).a = 5;
    expect([deque.pop(), deque.pop()]).toEqual([{ a: 1 }, Uint8Array.of(1, 2)]);
  });

  it('a new maximum length counts at once', () => {
    using deque = openJournaled();
    deque.push('a', 'b', 'c');
    deque.maxLength = 2;
    expect([deque.length, deque.push('d'), ...deque]).toEqual([2, 2, 'c', 'd']);
    deque.maxLength = Number.POSITIVE_INFINITY;
    expect([deque.push('e'), deque.maxLength]).toEqual([3, Number.POSITIVE_INFINITY]);
  });

  it('everything is there after a clear, and after it was closed', () => {
    const deque = openJournaled();
    deque.push('a');
    expect([deque.clear(), deque.length, deque.peek(), deque.pop()]).toEqual([2, 0, undefined, undefined]);
    deque.push('b', 'c');
    deque.close();
    expect(listJournals(deque.directory)).toEqual([]);
    using again = open({}, deque.directory);
    expect([again.length, again.shift(), ...again]).toEqual([2, 'b', 'c']);
  });

  it('listeners hear of each change', () => {
    using deque = openJournaled();
    const heard: string[] = [];
    const stop = deque.subscribe(({ kind }) => heard.push(kind));
    deque.push('a');
    deque.shift();
    stop();
    deque.push('b');
    expect([heard, [...deque]]).toEqual([
      ['set', 'delete'],
      ['a', 'b'],
    ]);
  });
});

it.each([1, 2, 3, 4, 5, 6])('does the same as without a journal, at the same positions (seed %i)', (seed) => {
  const random = createRandom(seed);
  const draw = (limit: number) => Math.floor(random() * limit);
  const options: DequeOptions = { fileThreshold: 30_000, ...(seed % 2 === 0 && { maxLength: 30 }) };
  let journaled = open(options);
  const direct = open({ ...options, exclusive: false });
  const value = (step: number): unknown =>
    [
      step,
      `text ${step}`,
      Uint8Array.of(step),
      { step },
      new Map([[step, 1]]),
      'x'.repeat(draw(40) === 0 ? 40_000 : 90),
    ][draw(6)];
  for (let step = 0; step < 1500; step++) {
    const [dice, item, place, growth] = [draw(100), value(step), draw(30), draw(60)];
    const work = (deque: Deque<unknown>): unknown => {
      if (dice < 40) return growth >= deque.length ? deque.push(item) : deque.shift();
      if (dice < 65) return growth >= deque.length ? deque.unshift(item) : deque.pop();
      if (dice < 70)
        return [deque.peek(), deque.peek({ side: 'back' }), deque.at(place), deque.at(-place), deque.length];
      if (dice < 74) return deque.extend([item, place, item]);
      if (dice < 84)
        return deque.transact(() => [deque.push(item), deque.shift(), deque.unshift(place), deque.at(1), deque.length]);
      if (dice < 88) {
        expect(() =>
          deque.transact(() => {
            deque.push(item);
            deque.shift();
            if (place < 10) deque.rotate();
            throw new Error('no');
          }),
        ).toThrow('no');
        return deque.length;
      }
      if (dice < 90) return deque.length > place ? deque.set(place, item) : undefined;
      if (dice < 91) return deque.delete(place);
      if (dice < 92) return deque.rotate(2);
      if (dice < 93) return [...deque];
      return deque.shift();
    };
    expect(work(journaled)).toEqual(work(direct));
    if (draw(200) === 0) {
      const killed = copyAsKilled(journaled);
      using found = new Deque<unknown>(killed as never);
      expect(found.length).toBe(direct.length);
      journaled.close();
      journaled = open(options, journaled.directory);
    }
  }
  expect([...journaled]).toEqual([...direct]);
  journaled.close();
  direct.close();
  expect(readRows(journaled)).toEqual(readRows(direct));
});
