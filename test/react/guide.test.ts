// @vitest-environment jsdom
import * as react from 'react';
import { createElement, type FunctionComponent } from 'react';
import { transformWithOxc } from 'vite';
import { expect, it } from 'vitest';
import { testHost } from '../../main/testing/index.ts';
import { cache, defineStores, settings } from '../../protocol/stores.ts';
import * as hooks from '../../renderer-api/react/index.ts';
import { getExample } from '../docs/fences.ts';
import { render } from './render.ts';

const stores = defineStores({
  notes: cache<string, { of?: string }>(),
  preferences: settings<{ theme: 'light' | 'dark' }>({ defaults: { theme: 'light' } }),
});

type GuideComponent = 'ThemeSwitch' | 'NoteEditor' | 'NoteList';

it('the components of the guide show and write what is stored', async () => {
  using t = await testHost({ stores });
  t.host.stores.notes.set('note 1', { of: 'plants' });
  const modules: Readonly<Record<string, unknown>> = {
    'deskcache/react': hooks,
    'deskcache/renderer': { diskCache: t.page() },
  };
  const { code } = await transformWithOxc(getExample('docs/guide-bindings.md', 'react'), 'guide.tsx', {
    jsx: { runtime: 'classic' },
  });
  const body = code
    .replace(/^import (\{.*\}) from ["'](.+)["'];/gm, 'const $1 = modules["$2"];')
    .replaceAll(/^export /gm, '');
  const { ThemeSwitch, NoteEditor, NoteList } = new Function(
    'modules',
    'React',
    `${body}; return { ThemeSwitch, NoteEditor, NoteList };`,
  )(modules, react) as Record<GuideComponent, FunctionComponent<{ readonly id?: string }>>;

  using view = render(() => [
    createElement(ThemeSwitch, { key: 1 }),
    createElement(NoteEditor, { key: 2, id: 'note 1' }),
    createElement(NoteList, { key: 3 }),
  ]);
  await view.shows('lightplants');
  view.click('button');
  await view.shows('darkplants');
  await expect.poll(() => t.host.stores.preferences.get('theme')).toBe('dark');
  const input = document.querySelector('input')!;
  expect(input.value).toBe('plants');
  Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')!.set!.call(input, 'trees');
  input.dispatchEvent(new Event('input', { bubbles: true }));
  expect(input.value).toBe('trees');
  await view.shows('darktrees');
  await expect.poll(() => t.host.stores.notes.get('note 1')).toEqual({ of: 'trees' });
});
