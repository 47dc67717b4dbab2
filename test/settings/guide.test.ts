import { expect, it } from 'vitest';
import * as engine from '../../main/engine/index.ts';
import { runExample } from '../docs/fences.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';

const GUIDE = 'docs/guide-settings.md';
const modules = { 'deskcache/engine': engine };

it('the examples of the guide do what they say', async () => {
  const heard: string[] = [];
  const scope = { directory: freshDirectory(), heard };
  const returns = ['size', 'isChosen', 'all'];
  expect(await runExample(GUIDE, 'settings', { modules, scope, returns })).toEqual({
    size: 15,
    isChosen: false,
    all: { theme: 'light', editor: { fontSize: 15 }, recent: [] },
  });
});

it('the migration of the guide keeps what was set under the old name', async () => {
  const directory = freshDirectory();
  const old = new engine.Settings(directory, { defaults: { colours: 'light' }, version: 1 });
  old.set('colours', 'dark');
  old.close();
  expect(await runExample(GUIDE, 'migrate', { modules, scope: { directory }, returns: ['theme'] })).toEqual({
    theme: 'dark',
  });
});
