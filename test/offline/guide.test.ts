import { expect, it, vi } from 'vitest';
import * as engine from '../../main/engine/index.ts';
import * as offline from '../../main/offline/index.ts';
import * as renderer from '../../renderer-api/index.ts';
import { openHttpPage } from '../bridge/http/http-port-fixture.ts';
import { runExample } from '../docs/fences.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';

const answer = async (request: Request) =>
  Response.json({ url: request.url }, { headers: { 'cache-control': 'max-age=60' } });

/** Runs an example with an origin of its own. */
const run = (
  name: string,
  returns: readonly string[],
  { closes = [], scope = {} }: { readonly closes?: readonly string[]; readonly scope?: Record<string, unknown> } = {},
) =>
  runExample('docs/guide-offline.md', name, {
    modules: { 'deskcache/engine': engine, 'deskcache/offline': offline, 'deskcache/renderer': renderer },
    scope: { directory: freshDirectory(), fetch: answer, ...scope },
    returns,
    after: closes.map((store) => `${store}.close();`).join(' '),
  });

it('the examples of the guide do what they say', async () => {
  expect(await run('routes', ['sources'], { closes: ['responses', 'files'] })).toEqual({
    sources: ['hit', 'miss', 'hit'],
  });
  using bridge = openHttpPage({ fetch: answer });
  const heard: boolean[] = [];
  const { later, ...page } = await run('page', ['list', 'from', 'map', 'before', 'later'], {
    scope: { diskCache: bridge.diskCache, heard },
  });
  expect(page).toEqual({
    list: { url: 'https://atlas.example/api/countries' },
    from: 'miss',
    map: '{"url":"https://atlas.example/map.bin"}',
    before: true,
  });
  expect(renderer.getCacheStatus(later as Response)).toBe('hit');
  await vi.waitFor(() => expect(heard).toEqual([false]));
  expect(await run('cache-storage', ['stored', 'names', 'urls'], { closes: ['store'] })).toEqual({
    stored: { theme: 'dark' },
    names: ['shell-v1'],
    urls: ['https://atlas.example/', 'https://atlas.example/app.js', 'app://atlas/settings'],
  });
});
