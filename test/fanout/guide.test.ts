import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import * as engine from '../../main/engine/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';

it('docs/guide-fanout.md: the example runs and does what it says', () => {
  const guide = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'guide-fanout.md'), 'utf8');
  const example = /```ts\n([\s\S]*?)```/.exec(guide)?.[1] ?? '';
  const body = stripTypeScriptTypes(example.replace(/^import .*$/m, ''));
  const directory = freshDirectory();
  const said: unknown[] = [];
  const watched = body.replace(
    "fanout.names('shard');",
    "said.push(fanout.names('shard'), fanout.get('visits'), window.get('scroll'));",
  );
  new Function('FanoutCache', 'directory', 'said', watched)(engine.FanoutCache, directory, said);
  expect(said).toEqual([['window 1'], 1, 120]);
  using fanout = new engine.FanoutCache(directory);
  expect([fanout.names('shard'), fanout.get('user:1'), fanout.index('settings').get('theme')]).toEqual([
    [],
    undefined,
    'dark',
  ]);
});
