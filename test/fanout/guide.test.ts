import { expect, it } from 'vitest';
import * as engine from '../../main/engine/index.ts';
import { runExample } from '../docs/fences.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';

it('docs/guide-fanout.md: the example runs and does what it says', async () => {
  const directory = freshDirectory();
  const { names, visits } = await runExample('docs/guide-fanout.md', 'fanout', {
    modules: { 'deskcache/engine': engine },
    scope: { directory },
    returns: ['names', 'visits'],
  });
  expect({ names, visits }).toEqual({ names: ['window 1'], visits: 1 });
  using fanout = new engine.FanoutCache(directory);
  expect([fanout.names('shard'), fanout.get('user:1'), fanout.index('settings').get('theme')]).toEqual([
    [],
    undefined,
    'dark',
  ]);
});
