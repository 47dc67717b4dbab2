import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import * as engine from '../../main/engine/index.ts';
import * as face from '../../main/offline/index.ts';
import * as renderer from '../../renderer-api/index.ts';
import { openHttpPage } from '../bridge/http/http-port-fixture.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';

const GUIDE = join(import.meta.dirname, '../../docs/guide-offline.md');
const EXAMPLES = [...readFileSync(GUIDE, 'utf8').matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code!);

/** Runs an example with its own origin; returns the values of these names. */
async function run(
  example: string,
  names: readonly string[],
  stores: readonly string[],
  page: Readonly<Record<string, unknown>> = {},
): Promise<unknown[]> {
  const code = stripTypeScriptTypes(example).replace(/^import (.*) from 'deskcache\/(\w+)';/gm, 'const $1 = faces.$2;');
  const body = `return (async () => { ${code}; ${stores.map((it) => `${it}.close();`).join('')} return [${names.join(', ')}]; })()`;
  const around = { faces: { engine, offline: face, renderer }, directory: freshDirectory(), fetch: answer, ...page };
  return new Function(...Object.keys(around), body)(...Object.values(around));
}

const answer = async (request: Request) =>
  Response.json({ url: request.url }, { headers: { 'cache-control': 'max-age=60' } });

it('the examples of the guide do what they say', async () => {
  const [routes = '', pages = '', storage = '', ...more] = EXAMPLES;
  expect(more).toEqual([]);
  expect(await run(routes, ['sources'], ['responses', 'files'])).toEqual([['hit', 'miss', 'hit']]);
  using bridge = openHttpPage({ fetch: answer });
  const heard: boolean[] = [];
  const page = { diskCache: bridge.diskCache, heard };
  const [list, from, map, before, later] = await run(pages, ['list', 'from', 'map', 'before', 'later'], [], page);
  expect([list, from, map, before]).toEqual([
    { url: 'https://atlas.example/api/countries' },
    'miss',
    '{"url":"https://atlas.example/map.bin"}',
    true,
  ]);
  expect(renderer.getCacheStatus(later as Response)).toBe('hit');
  await vi.waitFor(() => expect(heard).toEqual([false]));
  expect(await run(storage, ['stored', 'names', 'urls'], ['store'])).toEqual([
    { theme: 'dark' },
    ['shell-v1'],
    ['https://atlas.example/', 'https://atlas.example/app.js', 'app://atlas/settings'],
  ]);
});
