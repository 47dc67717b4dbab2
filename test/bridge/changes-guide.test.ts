import { expect, it, vi } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import { index } from '../../protocol/stores.ts';
import { runExample } from '../docs/fences.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { openBridge } from './bridge-fixture.ts';

const GUIDE = 'docs/guide-changes.md';

interface Settable {
  set(key: string, value: unknown): unknown;
}

async function tryExamples(store: Settable): Promise<void> {
  const control = new AbortController();
  const [heard, shown, tables]: [unknown[], unknown[], unknown[]] = [[], [], []];
  const run = (name: string, ...returns: readonly string[]) =>
    runExample(GUIDE, name, { scope: { store, heard, shown, tables, signal: control.signal }, returns });

  await store.set('theme', 'light');
  const { stop } = (await run('subscribe', 'stop')) as { stop(): void };
  const watching = [run('watch'), run('watch-many')];
  await vi.waitFor(() => expect([shown, tables]).toEqual([['light'], [[]]]));
  await store.set('themeColor', 'red');
  await store.set('theme', 'dark');
  await store.set('user/7', 'Ada');
  await vi.waitFor(() =>
    expect([shown, tables]).toEqual([
      ['light', 'dark'],
      [[], ['user/7']],
    ]),
  );
  await vi.waitFor(() => expect(heard).toEqual([['set', 'theme', 'dark', 'light']]));
  stop();
  control.abort();
  await Promise.all(watching);
}

it('the examples of the guide do what they say, in a page and in the main process', async () => {
  using bridge = openBridge({ stores: { settings: index<string, string>() } });
  await tryExamples(bridge.diskCache.index<string, string>('settings'));
  using store = new Cache(freshDirectory());
  await tryExamples(store);
});
