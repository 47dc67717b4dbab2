import { globSync } from 'node:fs';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { Deque } from '../../main/engine/index.ts';
import { getDatabasePath } from '../engine/damaged-file.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';

/** More than one statement moves at a time. */
const LENGTH = 4500;
/** Every hundredth value is in a file. */
const toValue = (n: number): string => (n % 100 === 0 ? `${n}${'x'.repeat(200)}` : `${n}`);

function openLong(length = LENGTH): { readonly deque: Deque<string>; readonly model: string[] } {
  const deque = new Deque<string>(freshDirectory(), { fileThreshold: 100 });
  const model = Array.from({ length }, (_, n) => toValue(n));
  deque.extend(model);
  return { deque, model };
}

const countFiles = ({ directory }: Deque): number => globSync('values/??/*.val', { cwd: directory }).length;

function expectSame(deque: Deque<string>, model: readonly string[]): void {
  expect([...deque].join()).toBe(model.join());
  expect(deque.length).toBe(model.length);
  expect(deque.check()).toEqual([]);
}

it.each([
  ['a value near the front', 700, 1],
  ['a value near the back', 3900, 1],
  ['a value in the middle', 2249, 1],
  ['the first value', 0, 1],
  ['the last value', LENGTH - 1, 1],
  ['values with files in the middle', 1950, 600],
  ['more values than are left', 100, 4000],
  ['more values than are left behind them', 4000, 450],
])('removing %s closes the gap, and its files go', (_, start, count) => {
  const { deque, model } = openLong();
  expect(deque.splice(start, count)).toEqual(model.splice(start, count));
  expectSame(deque, model);
  deque.close();
  expect(countFiles(deque)).toBe(model.filter((value) => value.length > 100).length);
});

it('values are removed and reversed as those of an array, with a listener and without', () => {
  for (const isHeard of [false, true]) {
    const { deque, model } = openLong(600);
    let changes = 0;
    if (isHeard) deque.subscribe(() => changes++);
    let random = 7;
    const next = (below: number) => {
      random = (Math.imul(random, 1_103_515_245) + 12_345) >>> 0;
      return (random >>> 8) % below;
    };
    for (let step = 0; step < 60; step++) {
      const index = next(model.length);
      const value = model[index]!;
      changes = 0;
      if (step % 5 === 0) {
        deque.reverse();
        model.reverse();
        if (isHeard) expect(changes).toBe(1);
      } else if (step % 5 === 1) expect(deque.remove(value)).toBe(model.splice(model.indexOf(value), 1).length === 1);
      else if (step % 5 === 2) expect(deque.delete(index)).toBe(model.splice(index, 1).length === 1);
      else if (step % 5 === 3) expect(deque.splice(index, 4)).toEqual(model.splice(index, 4));
      else {
        deque.unshift(toValue(step));
        model.unshift(toValue(step));
      }
      if (isHeard) expect(changes).toBeGreaterThan(0);
    }
    expectSame(deque, model);
    deque.close();
  }
});

it('a removal is undone with its transaction, files included', () => {
  const { deque, model } = openLong(600);
  expect(() =>
    deque.transact(() => {
      deque.splice(95, 10);
      deque.reverse();
      throw new Error('on purpose');
    }),
  ).toThrow('on purpose');
  expectSame(deque, model);
  deque.close();
});

it('a removal beside a missing value loses no other one', () => {
  const { deque, model } = openLong(600);
  deque.close();
  const database = new Database(getDatabasePath(deque.directory));
  database.exec('DELETE FROM entry WHERE id = 250');
  database.close();
  using damaged = new Deque<string>(deque.directory);
  expect(damaged.delete(200)).toBe(true);
  expect(damaged.delete(300)).toBe(true);
  damaged.check({ repair: true });
  expect(damaged.check()).toEqual([]);
  const removed = new Set([toValue(200), toValue(250), toValue(301)]);
  expect([...damaged]).toEqual(model.filter((value) => !removed.has(value)));
});
