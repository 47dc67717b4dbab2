import { describe, expect, expectTypeOf, it, vi } from 'vitest';
import { testHost } from '../../main/testing/index.ts';
import { defineStores, settings } from '../../protocol/stores.ts';
import { observeSetting, setSetting } from '../../renderer-api/bindings/index.ts';
import { errorMatching } from '../matchers.ts';
import { openView } from './observe.ts';

interface AppSettings {
  theme: 'light' | 'dark';
  editor: { fontSize: number; font?: string };
}

const stores = defineStores({
  app: settings<AppSettings>({ defaults: { theme: 'light', editor: { fontSize: 13 } } }),
});

describe('the observer of a setting', () => {
  it('has the default, then each change from any window', async () => {
    using t = await testHost({ stores });
    const { app } = t.page().as<typeof stores>();
    const [theme, size] = [openView(observeSetting(app, 'theme')), openView(observeSetting(app, 'editor.fontSize'))];
    expectTypeOf(theme.value).toEqualTypeOf<'light' | 'dark' | undefined>();
    expect(theme.now.isLoading).toBe(true);
    await theme.shows('light');
    await size.shows(13);
    await t.page().as<typeof stores>().app.set({ theme: 'dark' });
    await theme.shows('dark');
    t.host.stores.app.set('editor.fontSize', 20);
    await size.shows(20);
    t.host.stores.app.reset();
    await theme.shows('light');
    await size.shows(13);
  });

  it('has the value at once where the settings are loaded', async () => {
    using t = await testHost({ stores });
    t.host.stores.app.set('theme', 'dark');
    const { app } = t.page().as<typeof stores>();
    await app.load();
    expect(observeSetting(app, 'theme').getSnapshot()).toEqual({ value: 'dark', error: undefined, isLoading: false });
    expect(observeSetting(app, ['editor', 'fontSize']).getSnapshot().value).toBe(13);
    expect(observeSetting(app, 'editor').getSnapshot().value).toEqual({ fontSize: 13 });
  });

  it('has a write of this page as soon as its promise has resolved', async () => {
    using t = await testHost({ stores });
    const { app } = t.page().as<typeof stores>();
    await app.load();
    const view = openView(observeSetting(app, 'theme'));
    await app.get('theme');
    for (const theme of ['dark', 'light', 'dark'] as const) {
      await app.set('theme', theme);
      expect(view.value).toBe(theme);
    }
    await app.reset();
    expect(view.value).toBe('light');
  });

  it('notifies only for a change of its own path, and once', async () => {
    using t = await testHost({ stores });
    const { app } = t.page().as<typeof stores>();
    await app.load();
    const [editor, theme] = [openView(observeSetting(app, 'editor')), openView(observeSetting(app, 'theme'))];
    await app.load();
    const before = editor.seen.length;
    t.host.stores.app.set('theme', 'dark');
    await theme.shows('dark');
    expect(editor.seen.length).toBe(before);
    expect(theme.seen.map(({ value }) => value)).toEqual(['light', 'dark']);
  });

  it('shows a write at once, and takes it back when it is refused', async () => {
    using t = await testHost({ stores });
    const { app } = t.page().as<typeof stores>();
    await app.load();
    const view = openView(observeSetting(app, 'theme'));
    const written = setSetting(app, 'theme', 'dark');
    expect(view.value).toBe('dark');
    await written;
    expect([view.value, t.host.stores.app.get('theme')]).toEqual(['dark', 'dark']);
    t.fail('DISK_FULL', { store: 'app', method: 'set' });
    const refused = setSetting(app, 'theme', 'light');
    expect(view.value).toBe('light');
    await expect(refused).rejects.toEqual(errorMatching('DISK_FULL', /./));
    expect(view.now).toEqual({ value: 'dark', error: undefined, isLoading: false });
  });

  it('has the error of a wrong path, and of a page without a grant', async () => {
    using t = await testHost({ stores });
    const wrong = observeSetting(t.page().as<typeof stores>().app, ['']);
    await expect.poll(() => wrong.getSnapshot().error).toEqual(errorMatching('BAD_KEY', /./));
    const denied = observeSetting(t.page({ stores: {} }).settings('app'), 'theme');
    await denied.getSettled();
    expect(denied.getSnapshot().error).toEqual(errorMatching('NOT_ALLOWED', /app/));
  });

  it('listens once for all components, and stops after the last', async () => {
    using t = await testHost({ stores });
    const { app } = t.page().as<typeof stores>();
    await app.load();
    const onChange = vi.spyOn(app, 'onChange');
    const views = Array.from({ length: 5 }, () => openView(observeSetting(app, 'theme')));
    expect(onChange).toHaveBeenCalledTimes(1);
    for (const view of views) view.leave();
  });
});
