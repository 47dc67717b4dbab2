import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import * as engine from '../../main/engine/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';

const GUIDE = join(import.meta.dirname, '../../docs/guide-recipes.md');

it('the examples of the locks guide work as described', async () => {
  const blocks = [...readFileSync(GUIDE, 'utf8').matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code!);
  expect(blocks).toHaveLength(1);
  const code = stripTypeScriptTypes(blocks[0]!).replace(/^import (.*) from 'deskcache\/engine';/, 'const $1 = engine;');
  const run = new Function(
    ...['engine', 'directory', 'makeReport', 'addresses', 'load'],
    `return (async () => { ${code}; return { cache, steps, pages, mean, answer }; })()`,
  ) as (...args: readonly unknown[]) => Promise<Record<string, unknown> & { readonly cache: engine.Cache }>;
  const load = async (address: string) => `<p>${address}</p>`;
  const result = await run(engine, freshDirectory(), async () => 'all well', ['a', 'bc', 'def', 'ghij'], load);
  using cache = result.cache;
  expect(result).toMatchObject({ steps: 3, mean: 9.5, answer: 'why!' });
  expect([cache.get('report'), cache.get('report of'), cache.get('version')]).toEqual(['all well', 2, 2]);
  expect(result['pages']).toEqual(['<p>a</p>', '<p>bc</p>', '<p>def</p>', '<p>ghij</p>']);
});
