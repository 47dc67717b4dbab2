import { expect, it } from 'vitest';
import * as engine from '../../main/engine/index.ts';
import { runExample } from '../docs/fences.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';

it('the examples of the locks guide work as described', async () => {
  const result = await runExample('docs/guide-recipes.md', 'recipes', {
    modules: { 'deskcache/engine': engine },
    scope: {
      directory: freshDirectory(),
      makeReport: async () => 'all well',
      addresses: ['a', 'bc', 'def', 'ghij'],
      load: async (address: string) => `<p>${address}</p>`,
    },
    returns: ['cache', 'steps', 'pages', 'mean', 'answer'],
  });
  using cache = result['cache'] as engine.Cache;
  expect(result).toMatchObject({ steps: 3, mean: 9.5, answer: 'why!' });
  expect([cache.get('report'), cache.get('report of'), cache.get('version')]).toEqual(['all well', 2, 2]);
  expect(result['pages']).toEqual(['<p>a</p>', '<p>bc</p>', '<p>def</p>', '<p>ghij</p>']);
});
