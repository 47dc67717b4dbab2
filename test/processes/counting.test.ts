import { readdirSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import { freshDirectory } from '../engine/directory.ts';
import { crew, KINDS, type Member, together } from './crew.ts';

const CREW = 8;

const valueFiles = (directory: string): string[] =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.val'));

describe.each(KINDS)('8 %s on one directory', (kind) => {
  let members: Member[];
  beforeAll(() => {
    members = crew(kind, CREW);
  });

  it('count up to the exact sum', async () => {
    using cache = new Cache(freshDirectory());
    await together(members, 'open', cache.directory);
    await together(members, 'countUp', 'visits', 500);
    expect(cache.get('visits')).toBe(CREW * 500);
  });

  it('lose nothing of what is read and written inside a transaction', async () => {
    using cache = new Cache(freshDirectory());
    await together(members, 'open', cache.directory);
    await together(members, 'transferUp', 'visits', 200);
    expect(cache.get('visits')).toBe(CREW * 200);
  });

  it.each([
    ['rows', 100],
    ['files', 40_000],
  ])('add each key exactly once, to %s', async (where, length) => {
    using cache = new Cache(freshDirectory());
    const keys = Array.from({ length: 40 }, (_, n) => `key ${n}`);
    await together(members, 'open', cache.directory);
    const won = await Promise.all(members.map((member, n) => member.do('addAll', keys, `writer ${n}`, length)));
    expect(won.flat().sort()).toEqual([...keys].sort());

    for (const [n, mine] of won.entries()) {
      for (const key of mine) expect(cache.get(key)).toMatch(new RegExp(`^writer ${n} `));
    }
    // Who came second has left nothing behind.
    expect(valueFiles(cache.directory)).toHaveLength(where === 'files' ? keys.length : 0);
  });
});
