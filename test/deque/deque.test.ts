import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import Database from 'better-sqlite3';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Deque, type DequeChange, type DequeOptions } from '../../main/engine/deque/deque.ts';
import { Cache } from '../../main/engine/index.ts';
import { Statement } from '../../main/engine/sqlite/connection.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';

const open = <V>(options: DequeOptions = {}, directory = freshDirectory()) =>
  new Deque<V>(directory as never, { durability: 'process', ...options });

const createFilledDeque = (count: number, options: DequeOptions = {}) => {
  const deque = open<number>(options);
  deque.extend(Array(count).keys());
  return deque;
};

const errorWithCode = (code: string) => expect.objectContaining({ code });

/** Returns the positions on disk, in order. */
function positions({ directory }: Deque): number[] {
  using database = closing(new Database(`${directory}/cache.db`, { readonly: true }));
  return database.it.prepare('SELECT id FROM entry WHERE key = id ORDER BY id').pluck().all() as number[];
}

const closing = (it: Database.Database) => ({ it, [Symbol.dispose]: () => it.close() });

afterEach(() => void vi.restoreAllMocks());

describe.each([
  ['without a greatest length', {}],
  ['with room', { maxLength: 100 }],
])('a deque %s', (_, options) => {
  it.each<[string, (deque: Deque<number>) => unknown, number]>([
    ['push', (deque) => deque.push(7), 11],
    ['unshift', (deque) => deque.unshift(7), 11],
    ['pop', (deque) => deque.pop(), 9],
    ['shift', (deque) => deque.shift(), 0],
  ])('needs one statement for a %s', (_verb, work, answer) => {
    // The periodic check for replaced files has just been made.
    let now = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => (now += 0.001));
    using deque = createFilledDeque(10, options);
    const ways = (['run', 'first', 'all', 'each'] as const).map((name) => vi.spyOn(Statement.prototype, name));
    expect(work(deque)).toBe(answer);
    expect(ways.flatMap(({ mock }) => mock.calls)).toHaveLength(1);
  });
});

describe('Deque', () => {
  it('adds and removes at both ends like an array', () => {
    using deque = open<string>();
    expect([deque.pop(), deque.shift(), deque.peek(), deque.at(0), deque.length]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
      0,
    ]);
    expect(deque.push('c', 'd')).toBe(2);
    expect(deque.unshift('a', 'b')).toBe(4);
    expect(deque.push()).toBe(4);
    expect([...deque]).toEqual(['a', 'b', 'c', 'd']);
    expect([deque.peek(), deque.peek({ side: 'back' })]).toEqual(['a', 'd']);
    expect([deque.shift(), deque.pop(), deque.length]).toEqual(['a', 'd', 2]);
    expect(deque.extend(new Set(['e', 'f']))).toBe(4);
    expect([...deque.reversed()]).toEqual(['f', 'e', 'c', 'b']);
    expect(deque.clear()).toBe(4);
    expect([...deque]).toEqual([]);
    deque.unshift('x');
    expect([...deque]).toEqual(['x']);
  });

  it('stores values of every kind, including undefined and large ones', () => {
    const values = [
      undefined,
      null,
      Number.NaN,
      -0,
      new Date(7),
      new Map([[1n, [new Uint8Array([1])]]]),
      'x'.repeat(70_000),
    ];
    const directory = freshDirectory();
    {
      using deque = open<unknown>({}, directory);
      deque.push(...values);
    }
    using deque = open<unknown>({}, directory);
    expect(isDeepStrictEqual([...deque], values)).toBe(true);
    expect(deque.includes(undefined)).toBe(true);
    expect(deque.indexOf(Number.NaN)).toBe(2);
    deque.reverse();
    deque.rotate(1);
    expect(isDeepStrictEqual([...deque], [undefined, ...values.toReversed().slice(0, -1)])).toBe(true);
    for (const value of [undefined, ...values.toReversed().slice(0, -1)]) {
      expect(isDeepStrictEqual(deque.shift(), value)).toBe(true);
    }
    expect(deque.check()).toEqual([]);
  });

  it('returns the value at any index, counted from either end', () => {
    using deque = createFilledDeque(10);
    for (const index of [0, 3, 9, 10, 11, -1, -10, -11, 2.9, -1.5, Number.NaN]) {
      expect(deque.at(index)).toBe(Array.from(Array(10).keys()).at(index));
    }
    deque.set(4, 40);
    deque.set(-1, 90);
    expect([...deque]).toEqual([0, 1, 2, 3, 40, 5, 6, 7, 8, 90]);
    for (const index of [10, -11, 0.5, Number.NaN])
      expect(() => deque.set(index, 1)).toThrow(errorWithCode('BAD_OPTION'));
    expect(deque.length).toBe(10);
  });

  it.each([0, 1, 4, 5, 8, 9, -1, -10])('closes the gap when %i is deleted', (index) => {
    using deque = createFilledDeque(10);
    expect(deque.delete(index)).toBe(true);
    expect([...deque]).toEqual(Array.from(Array(10).keys()).toSpliced(index, 1));
    expect(positions(deque)).toEqual(Array.from({ length: 9 }, (_, n) => positions(deque)[0]! + n));
    for (const wrong of [9, -10, 1.5]) expect(deque.delete(wrong)).toBe(false);
  });

  it('splices like an array, with and without files', () => {
    const array: unknown[] = Array.from(Array(20).keys(), (n) => (n % 4 === 0 ? `${n} `.repeat(20_000) : n));
    using deque = open<unknown>();
    deque.extend(array);
    for (const [start, count] of [
      [3, 4],
      [-2, 9],
      [0, 2],
      [5, 0],
      [99, 1],
      [2, -1],
      [1, 3],
    ] as const) {
      expect(deque.splice(start, count)).toEqual(array.splice(start, count));
      expect([...deque]).toEqual(array);
    }
    expect(deque.splice(2)).toEqual(array.splice(2));
    expect([...deque]).toEqual(array);
    expect(deque.check()).toEqual([]);
  });

  it('finds, counts and removes deeply equal values', () => {
    using deque = open<object>();
    deque.extend([{ a: 1, b: [2] }, { a: 2 }, { b: [2], a: 1 }, { a: 2 }]);
    const same = { b: [2], a: 1 };
    expect([deque.indexOf(same), deque.indexOf(same, 1), deque.indexOf(same, -1), deque.indexOf(same, -4)]).toEqual([
      0, 2, -1, 0,
    ]);
    expect([deque.count({ a: 2 }), deque.count({ a: 3 }), deque.includes({ a: 3 })]).toEqual([2, 0, false]);
    expect([deque.remove(same), deque.remove({ a: 3 }), deque.remove({ a: 2 })]).toEqual([true, false, true]);
    expect([...deque]).toEqual([same, { a: 2 }]);
    expect([deque.equals([same, { a: 2 }]), deque.equals([same]), deque.equals([{ a: 2 }, same])]).toEqual([
      true,
      false,
      false,
    ]);
    expect(deque.equals(deque)).toBe(true);
  });

  it.each([-25, -7, -3, -1, 0, 1, 4, 5, 6, 10, 13])('rotates by %i', (count) => {
    using deque = createFilledDeque(10);
    deque.rotate(count);
    const steps = ((count % 10) + 10) % 10;
    const all = Array.from(Array(10).keys());
    expect([...deque]).toEqual([...all.slice(10 - steps), ...all.slice(0, 10 - steps)]);
  });

  it('can be reversed any number of times while positions stay small', () => {
    using deque = createFilledDeque(5);
    for (let turn = 0; turn < 100; turn++) deque.reverse();
    expect([...deque]).toEqual([0, 1, 2, 3, 4]);
    expect(Math.max(...positions(deque).map(Math.abs))).toBeLessThan(20);
    using empty = open();
    empty.reverse();
    empty.rotate(3);
    expect(empty.length).toBe(0);
  });

  it('iterates like an array while it changes', () => {
    for (const direction of ['values', 'reversed'] as const) {
      using deque = createFilledDeque(60);
      const array = Array.from(deque);
      const met: unknown[] = [];
      for (const value of deque[direction]()) {
        met.push(value);
        if (met.length === 10) deque.delete(30);
        if (met.length === 20) deque.unshift(100);
        if (met.length === 25) deque.reverse();
        if (met.length === 30) deque.extend([200, 201]);
        if (met.length === 50) break;
      }
      const expected: unknown[] = [];
      const step = direction === 'values' ? 1 : -1;
      for (let index = step === 1 ? 0 : array.length - 1; expected.length < 50; index += step) {
        expected.push(array[index]);
        if (expected.length === 10) array.splice(30, 1);
        if (expected.length === 20) array.unshift(100);
        if (expected.length === 25) array.reverse();
        if (expected.length === 30) array.push(200, 201);
      }
      expect(met).toEqual(expected);
    }
  });
});

describe('maxLength', () => {
  it('is never exceeded, from either end', () => {
    using deque = open<number>({ maxLength: 3 });
    expect(deque.push(1, 2, 3, 4, 5)).toBe(3);
    expect([...deque]).toEqual([3, 4, 5]);
    expect(deque.unshift(1, 2)).toBe(3);
    expect([...deque]).toEqual([1, 2, 3]);
    expect(deque.extend(Array(10).keys())).toBe(3);
    expect([...deque]).toEqual([7, 8, 9]);
    deque.rotate();
    expect([...deque]).toEqual([9, 7, 8]);
  });

  it('is stored, holds for every handle, and trims when it is smaller at the next opening', () => {
    const directory = freshDirectory();
    using deque = open<number>({ maxLength: 5 }, directory);
    using other = open<number>({}, directory);
    other.extend(Array(9).keys());
    expect([other.maxLength, ...deque]).toEqual([5, 4, 5, 6, 7, 8]);
    using smaller = open<number>({ maxLength: 2 }, directory);
    expect([deque.maxLength, ...deque]).toEqual([2, 7, 8]);
    smaller.maxLength = Number.POSITIVE_INFINITY;
    deque.push(1, 2, 3);
    expect([...smaller]).toEqual([7, 8, 1, 2, 3]);
    deque.maxLength = 0;
    expect([smaller.push(1), smaller.unshift(1), smaller.length]).toEqual([0, 0, 0]);
  });

  it('is a whole number or Infinity', () => {
    using deque = open();
    for (const wrong of [-1, 1.5, Number.NaN, '3' as unknown as number, 2 ** 53]) {
      expect(() => open({ maxLength: wrong })).toThrow(errorWithCode('BAD_OPTION'));
      expect(() => {
        deque.maxLength = wrong;
      }).toThrow(errorWithCode('BAD_OPTION'));
    }
    expect(deque.maxLength).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('a deque', () => {
  it('does all of a call or nothing', () => {
    using deque = open<unknown>();
    deque.push('kept', 'x'.repeat(50_000));
    const before = [...deque];
    const wrong = () => deque.push(1, 'y'.repeat(50_000), (() => {}) as never);
    expect(wrong).toThrow(errorWithCode('BAD_VALUE'));
    expect(() => deque.unshift(1, Symbol('no') as never)).toThrow(errorWithCode('BAD_VALUE'));
    function* failing() {
      yield 1;
      throw new Error('on purpose');
    }
    expect(() => deque.extend(failing())).toThrow('on purpose');
    expect(() =>
      deque.transact(() => {
        deque.reverse();
        deque.rotate();
        deque.shift();
        deque.delete(0);
        deque.push('z'.repeat(50_000));
        deque.maxLength = 1;
        throw new Error('on purpose');
      }),
    ).toThrow('on purpose');
    expect([...deque]).toEqual(before);
    expect(deque.maxLength).toBe(Number.POSITIVE_INFINITY);
    expect(deque.check()).toEqual([]);
  });

  it('refuses invalid arguments', () => {
    using deque = createFilledDeque(3);
    const wrong = [
      () => deque.rotate(0.5),
      () => deque.rotate(Number.POSITIVE_INFINITY),
      () => deque.extend(7 as unknown as number[]),
      () => deque.equals(7 as unknown as number[]),
      () => deque.subscribe('x' as unknown as () => void),
      () => deque.peek({ side: 'left' as 'front' }),
      () => new Deque(freshDirectory(), 7 as unknown as DequeOptions),
      () => new Deque('', {}),
    ];
    for (const call of wrong) expect(call).toThrow(errorWithCode('BAD_OPTION'));
    expect([...deque]).toEqual([0, 1, 2]);
  });

  it('notifies listeners of changes, without indices', () => {
    using deque = open<number>();
    const kinds: string[] = [];
    const stop = deque.subscribe((change: DequeChange) => kinds.push(Object.values(change).join(' ')));
    deque.push(1, 2);
    deque.set(0, 7);
    deque.reverse();
    deque.rotate();
    deque.shift();
    deque.clear();
    stop();
    deque.push(1);
    expect(kinds).toEqual(['set', 'set', 'set', 'set', 'set', 'delete', 'clear']);
  });

  it('finds damage at any position', () => {
    using deque = open<string>();
    deque.unshift('a', 'b', 'c');
    using database = closing(new Database(`${deque.directory}/cache.db`));
    expect(database.it.prepare('UPDATE entry SET checksum = checksum + 1 WHERE id = -2').run().changes).toBe(1);
    expect(deque.check({ repair: true }).map(({ code }) => code)).toEqual(['value']);
    expect([...deque]).toEqual(['a', 'c']);
  });

  it('skips damaged items, and repair closes the gaps', () => {
    using deque = createFilledDeque(5);
    const database = new Database(`${deque.directory}/cache.db`);
    database.exec('UPDATE entry SET checksum = checksum + 1 WHERE key IN (0, 2)');
    database.close();
    expect(() => deque.peek()).toThrow(errorWithCode('CORRUPT'));
    expect(() => deque.shift()).toThrow(errorWithCode('CORRUPT'));
    expect(deque.length).toBe(4);
    expect(deque.shift()).toBe(1);
    expect(() => [...deque]).toThrow(errorWithCode('CORRUPT'));
    expect(deque.check().map(({ code, key }) => [code, key])).toEqual([['value', 2]]);
    expect(deque.check({ repair: true })).toHaveLength(1);
    expect([deque.length, ...deque]).toEqual([2, 3, 4]);
    expect([deque.at(0), deque.at(1), deque.push(5), deque.unshift(2)]).toEqual([3, 4, 3, 4]);
    expect([...deque]).toEqual([2, 3, 4, 5]);
  });

  it('closes a gap that a repair outside the engine has left', () => {
    using deque = createFilledDeque(6);
    const database = new Database(join(deque.directory, 'cache.db'));
    database.exec('DELETE FROM entry WHERE key IN (1, 4)');
    database.close();
    deque.check({ repair: true });
    expect([deque.length, ...deque]).toEqual([4, 0, 2, 3, 5]);
    expect(positions(deque).map((position) => position - positions(deque)[0]!)).toEqual([0, 1, 2, 3]);
  });

  it('refuses a cache’s directory, and fails once closed', () => {
    const directory = freshDirectory();
    {
      using cache = new Cache(directory);
      cache.set('a', 1);
    }
    expect(() => open({}, directory)).toThrow(errorWithCode('BAD_OPTION'));
    using cache = new Cache(directory);
    expect(cache.get('a')).toBe(1);
    expect(() => open({ sizeLimit: 7 } as DequeOptions)).toThrow(errorWithCode('BAD_OPTION'));
    expect(() => open({ readOnly: true })).toThrow(errorWithCode('NO_SUCH_STORE'));
    const deque = open();
    deque.transact(() => expect(() => deque.close()).toThrow(errorWithCode('BAD_OPTION')));
    const values = deque.values();
    deque.push(1);
    deque.close();
    deque.close();
    expect(() => deque.push(1)).toThrow(errorWithCode('CLOSED'));
    expect(() => values.next()).toThrow(errorWithCode('CLOSED'));
  });

  it('survives a power cut by default, and stores its durability', () => {
    const kept = (directory: string) => {
      using database = closing(new Database(`${directory}/cache.db`, { readonly: true }));
      return database.it.prepare("SELECT value FROM setting WHERE name = 'durability'").pluck().get();
    };
    const directory = freshDirectory();
    new Deque(directory).close();
    expect(kept(directory)).toBe('power');
    new Deque(directory, { durability: 'process' }).close();
    new Deque(directory).close();
    expect(kept(directory)).toBe('process');
  });

  it('can be opened read-only', () => {
    using deque = createFilledDeque(3);
    using reader = open<number>({ readOnly: true }, deque.directory);
    expect([...reader]).toEqual([0, 1, 2]);
    expect(() => reader.push(1)).toThrow(errorWithCode('READ_ONLY'));
    expect(() => reader.reverse()).toThrow(errorWithCode('READ_ONLY'));
  });
});
