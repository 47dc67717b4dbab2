import { expect, it, vi } from 'vitest';
import { WindowShards } from '../../main/electron/window-stores.ts';
import * as protocol from '../../protocol/index.ts';
import type { StoreDeclarations } from '../../protocol/stores.ts';
import { runExample } from '../docs/fences.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { openBridge } from './bridge-fixture.ts';

const GUIDE = 'docs/guide-pages.md';

it('the examples of the guide do what they say', async () => {
  const modules = { deskcache: protocol };
  const { stores } = await runExample(GUIDE, 'declare', { modules, returns: ['stores'] });
  const windows = new WindowShards(freshDirectory());
  using bridge = openBridge({
    stores: stores as StoreDeclarations,
    windowShard: windows.attach('main', 'persistent').open,
  });
  const { diskCache } = bridge;
  const [seen, heard]: [string[], string[]] = [[], []];
  const run = (name: string, ...returns: readonly string[]) =>
    runExample(GUIDE, name, { scope: { diskCache, seen, heard }, returns });

  expect(await run('typed', 'first', 'length', 'rest', 'seen')).toEqual({
    first: 'a',
    length: 2,
    rest: ['b', 'c'],
    seen: ['zoom 2'],
  });
  expect(await run('batch', 'sold', 'again')).toEqual({
    sold: { committed: true, results: [undefined, 2, expect.anything()] },
    again: { committed: false, failed: 0 },
  });
  expect(await run('window', 'scroll')).toEqual({ scroll: 120 });
  const { stop } = (await run('subscribe', 'stop')) as { stop(): void };
  await vi.waitFor(() => expect(heard).toEqual(['set /users/7']));
  stop();
  const { far, near } = (await run('near-cache', 'far', 'near')) as { far(): void; near: unknown };
  expect(near).toBe(2);
  far();
  const { authorize } = (await run('authorize', 'authorize')) as { authorize(frame: object): unknown };
  expect(authorize({ origin: 'app://atlas', isTop: true })).toMatchObject({ bytes: 50_000_000 });
  expect(authorize({ origin: 'https://example.org', isTop: true })).toBeNull();
  windows.close();
});
