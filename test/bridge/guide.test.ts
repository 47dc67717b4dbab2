import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { WindowShards } from '../../main/electron/window-stores.ts';
import * as protocol from '../../protocol/index.ts';
import type { StoreDeclarations } from '../../protocol/stores.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { openBridge } from './bridge-fixture.ts';

const GUIDE = join(import.meta.dirname, '../../docs/guide-pages.md');
const EXAMPLES = [...readFileSync(GUIDE, 'utf8').matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code!);

/** Runs an example with what it finds around itself; answers what it calls by these names. */
function run(example: string, around: Readonly<Record<string, unknown>>, names: readonly string[]): Promise<unknown[]> {
  const code = stripTypeScriptTypes(example).replace(/^import (.*) from 'deskcache';/, 'const $1 = protocol;');
  const body = `return (async () => { ${code}; return [${names.join(', ')}]; })()`;
  return new Function(...Object.keys(around), body)(...Object.values(around)) as Promise<unknown[]>;
}

it('the examples of the guide do what they say', async () => {
  const [declared = '', kinds = '', batch = '', window = '', subscribed = '', near = '', grant = '', ...more] =
    EXAMPLES;
  expect(more).toEqual([]);
  const [stores] = (await run(declared, { protocol }, ['stores'])) as [StoreDeclarations];
  const windows = new WindowShards(freshDirectory());
  using bridge = openBridge({ stores, windowShard: windows.attach('main', 'persistent').open });
  const { diskCache } = bridge;
  const [seen, heard]: [string[], string[]] = [[], []];
  const around = { diskCache, seen, heard };

  expect(await run(kinds, around, ['first', 'length', 'rest', 'seen'])).toEqual(['a', 2, ['b', 'c'], ['zoom 2']]);
  expect(await run(batch, around, ['sold', 'again'])).toEqual([
    { committed: true, results: [undefined, 2, expect.anything()] },
    { committed: false, failed: 0 },
  ]);
  expect(await run(window, around, ['scroll'])).toEqual([120]);
  const [stop] = (await run(subscribed, around, ['stop'])) as [() => void];
  await vi.waitFor(() => expect(heard).toEqual(['set /users/7']));
  stop();
  const [far, zoom] = (await run(near, around, ['far', 'near'])) as [() => void, number];
  expect(zoom).toBe(2);
  far();
  const [authorize] = (await run(grant, around, ['authorize'])) as [(frame: object) => unknown];
  expect(authorize({ origin: 'app://atlas', isTop: true })).toMatchObject({ bytes: 50_000_000 });
  expect(authorize({ origin: 'https://example.org', isTop: true })).toBeNull();
  windows.close();
});
