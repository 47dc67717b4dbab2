import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import { freshDirectory } from '../engine/directory.ts';
import { crew, KINDS, together } from './crew.ts';

it.each(KINDS)('30 %s open one new directory at the same time, and all get in', async (kind) => {
  const directory = join(freshDirectory(), 'new', 'one');
  const members = crew(kind, 30);
  await together(members, 'pid');
  await together(members, 'open', directory, { sizeLimit: 64 * 1024 * 1024, evictionPolicy: 'sieve' });
  await Promise.all(members.map((member, n) => member.do('set', n, `member ${n}`)));
  expect(await together(members, 'size')).toEqual(members.map(() => 30));
  await together(members, 'close');

  using cache = new Cache(directory);
  expect([...cache.keys({ order: 'key' })]).toEqual(members.map((_, n) => n));
});
