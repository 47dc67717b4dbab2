import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import * as engine from '../../main/engine/index.ts';
import { freshDirectory } from './fresh-directory.ts';

const GUIDE = join(import.meta.dirname, '../../docs/guide-collections.md');
const EXAMPLES = [...readFileSync(GUIDE, 'utf8').matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code!);

/** Runs an example; answers what it calls by these names. */
function run(example: string, directory: string, names: readonly string[]): unknown[] {
  const code = stripTypeScriptTypes(example).replace(/^import (.*) from 'deskcache\/engine';/, 'const $1 = engine;');
  return new Function('engine', 'directory', `${code}; return [${names.join(', ')}];`)(engine, directory);
}

it('the examples of the guide do what they say', () => {
  const [index = '', version = '', deque = '', handle = '', ...more] = EXAMPLES;
  expect(more).toEqual([]);
  const settings = freshDirectory();
  expect(run(index, settings, ['zoom', 'language', 'names', 'last', 'same'])).toEqual([
    3,
    'en',
    ['theme', 'zoom', 'language'],
    ['language', 'en'],
    true,
  ]);
  expect(run(version, settings, ['migrated'])).toEqual([{ name: 'dark' }]);
  expect(run(deque, freshDirectory(), ['first', 'middle', 'rest', 'taken'])).toEqual([
    'a',
    'd',
    ['f', 'b', 'c', 'e'],
    ['f', 'b'],
  ]);
  expect(run(handle, freshDirectory(), ['job'])).toEqual(['resize']);
});
