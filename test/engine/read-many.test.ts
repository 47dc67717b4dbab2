import { afterEach, describe, expect, it, vi } from 'vitest';
import { deleteKey } from '../../main/engine/cache/delete.ts';
import { closeCore, openCore } from '../../main/engine/cache/open.ts';
import { get, hasLive } from '../../main/engine/cache/read.ts';
import { getMany, hasMany } from '../../main/engine/cache/read-many.ts';
import { set } from '../../main/engine/cache/write.ts';
import { Cache, type Codec } from '../../main/engine/index.ts';
import { Statement } from '../../main/engine/sqlite/connection.ts';
import { freshDirectory } from './fresh-directory.ts';

afterEach(() => void vi.restoreAllMocks());

const KEYS = ['a', 'b', 'c'];

function countStatements(work: () => void): number {
  const spies = [vi.spyOn(Statement.prototype, 'run'), vi.spyOn(Statement.prototype, 'first')];
  for (const spy of spies) spy.mockClear();
  work();
  return spies.reduce((sum, { mock }) => sum + mock.calls.length, 0);
}

/** A store of numbers that calls `onDecode` while it reads one. */
function openDecoding(directory: string, onDecode: () => void): Cache<string, number> {
  const codec: Codec = {
    name: 'decoding',
    encode: (value) => String(value),
    decode(data) {
      onDecode();
      return Number(data);
    },
  };
  return new Cache<string, number>(directory, { codec, memory: 0 });
}

describe('getMany and hasMany', () => {
  it.each([{ exclusive: false }, { exclusive: true }])(
    'read on the view of the turn: a statement for each key, %o',
    (options) => {
      vi.spyOn(performance, 'now').mockReturnValue(0);
      using cache = new Cache<string, number>(freshDirectory(), { ...options, memory: 0 });
      cache.setMany([
        ['a', 0],
        ['b', 1],
        ['c', 2],
      ]);
      // The rows are in the database, the statements are prepared, and the view has begun.
      expect([cache.size, cache.has('a')]).toEqual([3, true]);
      for (let time = 0; time < 2; time++) expect(cache.getMany(KEYS)).toEqual([0, 1, 2]);
      expect(countStatements(() => expect(cache.getMany(KEYS)).toEqual([0, 1, 2]))).toBe(3);
      expect(countStatements(() => expect(cache.hasMany([...KEYS, 'd'])).toEqual([true, true, true, false]))).toBe(4);
    },
  );

  it('see what is pending in a journal, and leave it there', () => {
    const core = openCore(freshDirectory(), { exclusive: true });
    try {
      for (const key of ['first', 'first', ...KEYS]) set(core, key, key);
      deleteKey(core, 'b');
      expect(core.connection.pending.hasAny).toBe(true);
      // The first reading prepares its statements.
      expect([get(core, 'none'), hasLive(core, 'none', 0)]).toEqual([undefined, false]);
      expect(getMany(core, [...KEYS, 'd'])).toEqual(['a', undefined, 'c', undefined]);
      expect(hasMany(core, [...KEYS, 'd'])).toEqual([true, false, true, false]);
      expect(core.connection.pending.hasAny).toBe(true);
    } finally {
      closeCore(core);
    }
  });

  it('return one state of the store, also if another connection writes while a codec decodes', () => {
    const directory = freshDirectory();
    let onDecode = (): void => {};
    using cache = openDecoding(directory, () => onDecode());
    using other = openDecoding(directory, () => {});
    const write = (number: number) => other.setMany(KEYS.map((key) => [key, number]));
    write(1);
    let writes = 0;
    onDecode = () => {
      if (++writes <= 2) write(writes + 1);
    };
    const [first, ...rest] = cache.getMany(KEYS);
    expect(writes).toBeGreaterThan(2);
    expect(rest).toEqual([first, first]);
  });
});
