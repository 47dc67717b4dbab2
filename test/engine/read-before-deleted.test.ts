import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { Cache, type Codec, Deque, Index } from '../../main/engine/index.ts';
import { checksum } from '../../main/engine/values/encoding.ts';
import { errorMatching } from '../matchers.ts';
import { freshDirectory } from './fresh-directory.ts';

/** A codec of the application's own, in the version that is installed. */
const codec = (version: number): Codec => ({
  name: 'versioned',
  encode: (value) => JSON.stringify({ version, value }),
  decode: (data) => {
    const stored = JSON.parse(String(data)) as { version: number; value: unknown };
    if (stored.version > version) throw new Error(`version ${stored.version}`);
    return stored.value;
  },
});

/** Writes rows anew as a later version of V8, or of this library, would have written them: with a check that is right. */
function rewriteRows(
  directory: string,
  later: (mode: number, value: Uint8Array) => [mode: number, value: Uint8Array],
): void {
  const database = new Database(join(directory, 'cache.db'));
  const rows = database.prepare('SELECT id, mode, value FROM entry').all() as {
    id: number;
    mode: number;
    value: Uint8Array;
  }[];
  const update = database.prepare('UPDATE entry SET mode = ?, value = ?, checksum = ? WHERE id = ?');
  for (const row of rows) {
    const [mode, value] = later(row.mode, new Uint8Array(row.value));
    update.run(mode, value, checksum(mode, value), row.id);
  }
  database.close();
}

const newerV8 = (mode: number, value: Uint8Array): [number, Uint8Array] => {
  value[1]! += 1;
  return [mode, value];
};
const newerMode = (_: number, value: Uint8Array): [number, Uint8Array] => [40, value];
const newerView = (mode: number, value: Uint8Array): [number, Uint8Array] => {
  // The kind of the view follows its tag.
  const tag = value.indexOf(0x5c);
  if (tag !== -1) value[tag + 1] = 90;
  return [mode, value];
};

const NEWER = [
  ['V8', newerV8],
  ['deskcache, in a mode', newerMode],
  ['deskcache, in a kind of view', newerView],
] as const;

describe.each(NEWER)('a value that was written by a newer %s', (_, later) => {
  const value = { bytes: new Float32Array(2), at: new Date(0) };

  it('is refused by every verb that takes it, and stays in its place', () => {
    const directory = freshDirectory();
    const first = new Deque<unknown>(directory, { durability: 'process' });
    first.push(value, value);
    first.close();
    rewriteRows(directory, later);
    using deque = new Deque<unknown>(directory, { durability: 'process' });
    const refused = errorMatching('UNSUPPORTED_VERSION');
    for (const take of [() => deque.shift(), () => deque.pop(), () => deque.splice(0), () => deque.peek()]) {
      expect(take).toThrow(refused);
    }
    expect(deque.length).toBe(2);
    expect(deque.check({ repair: true })).toEqual([]);
    expect(deque.delete(0)).toBe(true);
  });

  it('is left by pull, pop and popItem', () => {
    const [one, two] = [freshDirectory(), freshDirectory()];
    const cache = new Cache<string, unknown>(one);
    cache.push(value);
    cache.close();
    const index = new Index<string, unknown>(two, { durability: 'process' });
    index.set('k', value);
    index.close();
    for (const directory of [one, two]) rewriteRows(directory, later);
    using pulled = new Cache<string, unknown>(one);
    using popped = new Index<string, unknown>(two, { durability: 'process' });
    for (const take of [() => pulled.pull(), () => popped.pop('k'), () => popped.popItem()]) {
      expect(take).toThrow(errorMatching('UNSUPPORTED_VERSION'));
    }
    expect([pulled.size, popped.size]).toEqual([1, 1]);
  });
});

describe('a value of a newer codec of the application', () => {
  it.each([10, 100_000])('of %i characters is not lost by the version that refuses it', (length) => {
    const directory = freshDirectory();
    const newer = new Deque<string>(directory, { codec: codec(2), durability: 'process' });
    newer.push('x'.repeat(length), 'y');
    newer.close();
    const older = new Deque<string>(directory, { codec: codec(1), durability: 'process' });
    expect(() => older.shift()).toThrow(errorMatching('UNSUPPORTED_VERSION', 'The codec "versioned"'));
    expect(() => older.pop()).toThrow(errorMatching('UNSUPPORTED_VERSION'));
    older.close();
    using again = new Deque<string>(directory, { codec: codec(2), durability: 'process' });
    expect([again.shift()?.length, again.shift()]).toEqual([length, 'y']);
  });
});

describe('a value with a wrong checksum', () => {
  it('of any kind is gone after the verb that says so', () => {
    const directory = freshDirectory();
    const first = new Deque<unknown>(directory, { durability: 'process' });
    first.push('text', new Date(0), { a: 1 }, 'whole');
    first.close();
    const database = new Database(join(directory, 'cache.db'));
    database.exec('UPDATE entry SET checksum = checksum + 1 WHERE id < 3');
    database.close();
    using deque = new Deque<unknown>(directory, { durability: 'process' });
    for (let left = 3; left > 0; left--) {
      expect(() => deque.shift()).toThrow(errorMatching('CORRUPT'));
      expect(deque.length).toBe(left);
    }
    expect(deque.shift()).toBe('whole');
  });
});
