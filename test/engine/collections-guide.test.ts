import { expect, it } from 'vitest';
import * as engine from '../../main/engine/index.ts';
import { runExample } from '../docs/fences.ts';
import { freshDirectory } from './fresh-directory.ts';

const run = (name: string, directory: string, ...returns: readonly string[]) =>
  runExample('docs/guide-collections.md', name, {
    modules: { 'deskcache/engine': engine },
    scope: { directory },
    returns,
  });

it('the examples of the guide do what they say', async () => {
  const settings = freshDirectory();
  expect(await run('index', settings, 'zoom', 'language', 'names', 'last', 'same')).toEqual({
    zoom: 3,
    language: 'en',
    names: ['theme', 'zoom', 'language'],
    last: ['language', 'en'],
    same: true,
  });
  expect(await run('migrate', settings, 'migrated')).toEqual({ migrated: { name: 'dark' } });
  expect(await run('deque', freshDirectory(), 'first', 'middle', 'rest', 'taken')).toEqual({
    first: 'a',
    middle: 'd',
    rest: ['f', 'b', 'c', 'e'],
    taken: ['f', 'b'],
  });
  expect(await run('describe', freshDirectory(), 'job')).toEqual({ job: 'resize' });
});
