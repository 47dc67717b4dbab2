import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { FanoutCache } from '../../main/engine/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';

it('a clock that was centuries ahead once does not refuse what is stored after it', () => {
  const directory = freshDirectory();
  const then = new FanoutCache<string, number>(directory, { shards: 2, clock: () => Date.UTC(2300, 0) });
  for (let n = 0; n < 10; n++) then.set(`then ${n}`, n);
  then.close();
  using now = new FanoutCache<string, number>(directory);
  for (let n = 0; n < 10; n++) now.set(`now ${n}`, n);
  expect([...now.keys()]).toEqual(
    ['then', 'now'].flatMap((word) => Array.from({ length: 10 }, (_, n) => `${word} ${n}`)),
  );
  expect(now.check()).toEqual([]);
});

it('an id that is out of range is found, put in its place by opening, and blocks no new item', () => {
  const directory = freshDirectory();
  const first = new FanoutCache<string, number>(directory, { shards: 1 });
  for (let n = 0; n < 10; n++) first.set(`key ${n}`, n);
  const database = new Database(join(directory, 'shards', '000', 'cache.db'));
  database.exec("UPDATE entry SET id = id | (1 << 60) WHERE key = 'key 5'");
  database.close();
  expect(first.check()).toContainEqual(
    expect.objectContaining({ code: 'database', message: expect.stringContaining('out of range') }),
  );
  first.set('while it is there', 1);
  expect(first.get('while it is there')).toBe(1);
  first.close();
  using again = new FanoutCache<string, number>(directory);
  expect(again.check()).toEqual([]);
  expect([...again.keys()].at(-1)).toBe('key 5');
  again.set('key 5', 6);
  expect(again.get('key 5')).toBe(6);
});
