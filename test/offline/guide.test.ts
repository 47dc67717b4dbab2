import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import * as engine from '../../main/engine/index.ts';
import * as face from '../../main/offline/index.ts';
import { freshDirectory } from '../engine/directory.ts';

const GUIDE = join(import.meta.dirname, '../../docs/guide-offline.md');
const EXAMPLES = [...readFileSync(GUIDE, 'utf8').matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code!);

/** Runs an example with an origin of its own; answers what it calls by these names. */
async function run(example: string, names: readonly string[], stores: readonly string[]): Promise<unknown[]> {
  const code = stripTypeScriptTypes(example).replace(/^import (.*) from 'deskcache\/(\w+)';/gm, 'const $1 = faces.$2;');
  const body = `return (async () => { ${code}; ${stores.map((it) => `${it}.close();`).join('')} return [${names.join(', ')}]; })()`;
  const fetch = async (request: Request) =>
    Response.json({ url: request.url }, { headers: { 'cache-control': 'max-age=60' } });
  return new Function('faces', 'directory', 'fetch', body)({ engine, offline: face }, freshDirectory(), fetch);
}

it('the examples of the guide do what they say', async () => {
  const [routes = '', storage = '', ...more] = EXAMPLES;
  expect(more).toEqual([]);
  expect(await run(routes, ['sources'], ['responses', 'files'])).toEqual([['hit', 'miss', 'hit']]);
  expect(await run(storage, ['stored', 'names', 'urls'], ['store'])).toEqual([
    { theme: 'dark' },
    ['shell-v1'],
    ['https://atlas.example/', 'https://atlas.example/app.js', 'app://atlas/settings'],
  ]);
});
