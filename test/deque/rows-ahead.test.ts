import { describe, expect, it, vi } from 'vitest';
import { Deque, type DequeOptions } from '../../main/engine/deque/deque.ts';
import { Statement } from '../../main/engine/sqlite/connection.ts';
import { createRandom } from '../crash/random-writes.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';

const open = (options: DequeOptions = {}) =>
  new Deque<unknown>(freshDirectory() as never, { durability: 'process', exclusive: true, ...options });

/** A deque whose values are all in the database. */
function openStored(count: number, options: DequeOptions = {}): Deque<unknown> {
  const deque = open(options);
  deque.extend(Array.from({ length: count }, (_, nth) => nth));
  expect([...deque]).toHaveLength(Math.min(count, options.maxLength ?? count));
  return deque;
}

const STATEMENT_METHODS = ['run', 'firstStored', 'allStored', 'each'] as const;

describe('stored values at an end of an exclusive deque', () => {
  it.each(['shift', 'pop'] as const)('%s reads several rows with one statement', (verb) => {
    using deque = openStored(600);
    const expected = [...deque];
    deque[verb]();
    const calls = STATEMENT_METHODS.map((name) => vi.spyOn(Statement.prototype, name));
    const found = Array.from({ length: 500 }, () => deque[verb]());
    const statements = calls.flatMap(({ mock }) => mock.calls).length;
    vi.restoreAllMocks();
    expect(found).toEqual((verb === 'shift' ? expected : expected.toReversed()).slice(1, 501));
    expect(statements).toBeLessThan(20);
    expect(deque.check()).toEqual([]);
  });

  it('stay when the transaction that takes them throws', () => {
    using deque = openStored(40);
    for (let nth = 0; nth < 8; nth++) deque.shift();
    expect(() =>
      deque.transact(() => {
        deque.shift();
        deque.pop();
        deque.push('other');
        throw new Error('no');
      }),
    ).toThrow('no');
    expect([deque.shift(), deque.shift(), deque.pop(), deque.length]).toEqual([8, 9, 39, 29]);
  });

  it('are read again when one was replaced or removed directly', () => {
    using deque = openStored(40);
    for (let nth = 0; nth < 8; nth++) deque.shift();
    deque.set(0, 'replaced');
    deque.delete(1);
    expect([deque.shift(), deque.shift(), deque.shift()]).toEqual(['replaced', 10, 11]);
  });

  it('a value that was pushed in place of a popped one counts, also once it is applied', () => {
    using deque = openStored(12);
    deque.pop();
    deque.push('new');
    // The sixth one reads the rest ahead, as far as it is not pending.
    for (let nth = 0; nth < 6; nth++) expect(deque.shift()).toBe(nth);
    // Applies what is pending.
    expect([...deque]).toEqual([6, 7, 8, 9, 10, 'new']);
    expect(Array.from({ length: 7 }, () => deque.shift())).toEqual([6, 7, 8, 9, 10, 'new', undefined]);
  });

  it('a value that was pushed in place of one that a full deque dropped counts, also once it is applied', () => {
    using deque = openStored(12, { maxLength: 12 });
    for (let nth = 0; nth < 6; nth++) deque.shift();
    // The seventh one drops the last value, which was read ahead.
    for (let nth = 0; nth < 7; nth++) deque.unshift(-nth);
    for (let nth = 0; nth < 7; nth++) deque.shift();
    deque.push('new');
    expect([...deque]).toEqual([6, 7, 8, 9, 10, 'new']);
    expect(Array.from({ length: 7 }, () => deque.shift())).toEqual([6, 7, 8, 9, 10, 'new', undefined]);
  });

  it('bytes that were handed out are the caller’s', () => {
    using deque = open();
    deque.extend(Array.from({ length: 10 }, () => Uint8Array.of(1, 2, 3)));
    expect([...deque]).toHaveLength(10);
    for (let nth = 0; nth < 8; nth++) {
      (deque.peek() as Uint8Array).fill(9);
      expect([...(deque.shift() as Uint8Array)]).toEqual([1, 2, 3]);
    }
  });

  it.each([
    [1, Number.POSITIVE_INFINITY],
    [2, Number.POSITIVE_INFINITY],
    [3, 40],
    [4, 40],
    [5, 25],
    [6, 70],
  ])('are those of an array on a random walk, number %d, at most %d', (seed, maxLength) => {
    using deque = openStored(200, { maxLength, fileThreshold: 300 });
    const random = createRandom(seed);
    const array: unknown[] = [...deque];
    let next = 1000;
    const drop = (side: 'push' | 'unshift') => {
      while (array.length > maxLength) side === 'push' ? array.shift() : array.pop();
    };
    const createValue = () => (random() < 0.005 ? `${next++}`.padEnd(400, '.') : next++);
    const step = () => {
      const chosen = random();
      const times = 1 + Math.floor(random() * 40);
      if (chosen < 0.24) for (let nth = 0; nth < times; nth++) expect(deque.shift()).toBe(array.shift());
      else if (chosen < 0.44) for (let nth = 0; nth < times; nth++) expect(deque.pop()).toBe(array.pop());
      else if (chosen < 0.86) {
        const verb = chosen < 0.65 ? 'push' : 'unshift';
        for (let nth = 0; nth < times; nth++) {
          const value = createValue();
          array[verb](value);
          drop(verb);
          expect(deque[verb](value)).toBe(array.length);
        }
      } else if (chosen < 0.95)
        expect([deque.peek(), deque.at(-1), deque.at(3)]).toEqual([array[0], array.at(-1), array[3]]);
      else if (chosen < 0.985) expect([...deque]).toEqual(array);
      else if (array.length > 0) {
        const index = Math.floor(random() * array.length);
        array[index] = createValue();
        deque.set(index, array[index]);
      }
    };
    for (let nth = 0; nth < 400; nth++) {
      if (random() < 0.85) step();
      else {
        const before = [...array];
        const fails = random() < 0.5;
        const work = () =>
          deque.transact(() => {
            for (let inner = 0; inner < 3; inner++) step();
            if (fails) throw new RangeError('back');
          });
        if (fails) {
          expect(work).toThrow(RangeError);
          array.splice(0, array.length, ...before);
        } else work();
      }
    }
    expect([...deque]).toEqual(array);
    expect(deque.check()).toEqual([]);
  });
});
