import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { Deque } from '../../main/engine/index.ts';
import { getDatabasePath } from '../engine/damaged-file.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { errorMatching } from '../matchers.ts';

const LETTERS = [...'abcdefghij'];

/** A deque of ten letters whose table was changed outside the engine. */
function openDamaged(sql: string, letters: readonly string[] = LETTERS): string {
  const directory = freshDirectory();
  const deque = new Deque<string>(directory, { durability: 'process' });
  deque.push(...letters);
  deque.close();
  execSql(directory, sql);
  return directory;
}

function execSql(directory: string, sql: string): void {
  const database = new Database(getDatabasePath(directory));
  database.exec(sql);
  database.close();
}

/** Every way to read the deque; none may return a wrong value. */
const READS: Readonly<Record<string, (deque: Deque<string>) => unknown>> = {
  'at, from the front': (deque) => deque.at(4),
  'at, from the back': (deque) => deque.at(-6),
  values: (deque) => [...deque],
  reversed: (deque) => [...deque.reversed()],
  indexOf: (deque) => deque.indexOf('j'),
  equals: (deque) => deque.equals(LETTERS),
  page: (deque) => deque.page(),
  splice: (deque) => deque.splice(3, 3),
  set: (deque) => deque.set(4, 'x'),
};

describe('a missing position', () => {
  it.each(Object.entries(READS))('is CORRUPT for %s', (_, read) => {
    using deque = new Deque<string>(openDamaged('DELETE FROM entry WHERE id = 4'));
    expect(() => read(deque)).toThrow(errorMatching('CORRUPT'));
  });

  it('is found by check, and repair closes the gap', () => {
    using deque = new Deque<string>(openDamaged('DELETE FROM entry WHERE id IN (4, 6)'));
    expect(deque.check()).toEqual([
      expect.objectContaining({ code: 'count', message: expect.stringContaining('2 items') }),
    ]);
    deque.check({ repair: true });
    expect(deque.check()).toEqual([]);
    expect([...deque].join('')).toBe('abcdfhij');
    expect(deque.length).toBe(8);
  });
});

describe('a damaged position', () => {
  it.each(['id = 14', 'id = -3', 'key = 20', 'key = 2.5', "key = 'x'", 'key = 3'])('%s, is repaired', (to) => {
    using deque = new Deque<string>(openDamaged(`UPDATE entry SET ${to} WHERE id = 4`));
    for (const read of [READS['values'], READS['reversed']]) {
      try {
        expect([...(read!(deque) as string[])].sort()).toEqual(LETTERS);
      } catch (error) {
        expect(error).toEqual(errorMatching('CORRUPT'));
      }
    }
    deque.check({ repair: true });
    expect(deque.check()).toEqual([]);
    expect([...deque]).toEqual(LETTERS);
  });

  it('at an end is repaired on opening, so that the length is right', () => {
    using deque = new Deque<string>(openDamaged('UPDATE entry SET id = id | (1 << 40) WHERE id = 9'));
    expect(deque.length).toBe(10);
    expect([...deque]).toEqual(LETTERS);
    expect(deque.push('k')).toBe(11);
  });

  it('at an end of an open deque is CORRUPT in every method, and no value is lost', () => {
    const directory = openDamaged('SELECT 1');
    using deque = new Deque<string>(directory);
    execSql(directory, 'UPDATE entry SET id = id | (1 << 40) WHERE id = 9');
    const verbs: ((deque: Deque<string>) => unknown)[] = [
      (it) => it.length,
      (it) => it.push('k'),
      (it) => it.pop(),
      (it) => it.at(-1),
      (it) => it.peek({ side: 'back' }),
      (it) => [...it],
      (it) => it.rotate(),
    ];
    for (const verb of verbs) expect(() => verb(deque)).toThrow(errorMatching('CORRUPT'));
    deque.check({ repair: true });
    expect([...deque]).toEqual(LETTERS);
  });
});

it('repair deletes damaged values and closes the gaps in one transaction', () => {
  const directory = openDamaged("UPDATE entry SET value = 'y' WHERE id % 2 = 1");
  using deque = new Deque<string>(directory, { timeout: 20 });
  const other = new Database(getDatabasePath(directory));
  other.exec('BEGIN IMMEDIATE');
  expect(() => deque.check({ repair: true })).toThrow(errorMatching('BUSY'));
  other.exec('ROLLBACK');
  other.close();
  expect(deque.length).toBe(10);
  expect(deque.check({ repair: true })).toHaveLength(5);
  expect([...deque].join('')).toBe('acegi');
});
