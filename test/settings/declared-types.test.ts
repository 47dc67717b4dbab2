import { expectTypeOf, it } from 'vitest';
import { Settings } from '../../main/engine/index.ts';
import type { SettingsPath } from '../../protocol/settings-path.ts';
import { defineStores, settings } from '../../protocol/stores.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';

interface AppSettings {
  theme: 'light' | 'dark';
  editor: { fontSize: number; font?: string; colours: { text: string } };
  recent: string[];
  shortcuts: Record<string, string>;
  openedAt: Date | null;
}

const defaults: AppSettings = {
  theme: 'light',
  editor: { fontSize: 13, colours: { text: '#000' } },
  recent: [],
  shortcuts: {},
  openedAt: null,
};

it('settings have a type for each path', () => {
  using app = new Settings<AppSettings>(freshDirectory(), { defaults });
  expectTypeOf(app.get('theme')).toEqualTypeOf<'light' | 'dark'>();
  expectTypeOf(app.get('editor.fontSize')).toEqualTypeOf<number>();
  expectTypeOf(app.get('editor.font')).toEqualTypeOf<string | undefined>();
  expectTypeOf(app.get('editor.colours.text')).toEqualTypeOf<string>();
  expectTypeOf(app.get('shortcuts.save')).toEqualTypeOf<string>();
  expectTypeOf(app.get('openedAt')).toEqualTypeOf<Date | null>();
  expectTypeOf(app.get('recent')).toEqualTypeOf<string[]>();
  expectTypeOf<SettingsPath<AppSettings>>().toEqualTypeOf<
    | 'theme'
    | 'editor'
    | 'editor.fontSize'
    | 'editor.font'
    | 'editor.colours'
    | 'editor.colours.text'
    | 'recent'
    | 'shortcuts'
    | `shortcuts.${string}`
    | 'openedAt'
  >();
  app.onChange('editor.fontSize', (now, before) => expectTypeOf([now, before]).toEqualTypeOf<number[]>());
});

it('settings refuse other paths and values at compile time', () => {
  const refused = (app: Settings<AppSettings>) => {
    // @ts-expect-error: 42 is not a theme
    app.set('theme', 42);
    // @ts-expect-error: there is no such setting
    app.get('themes');
    // @ts-expect-error: paths don't lead into arrays
    app.get('recent.length');
    // @ts-expect-error: a size is a number
    app.set({ 'editor.fontSize': '13' });
    // @ts-expect-error: there is no such setting
    app.set({ colour: 'red' });
    // @ts-expect-error: there is no such setting
    app.reset('editor.size');
    // @ts-expect-error: all defaults are needed
    settings<AppSettings>({ defaults: { theme: 'light' } });
  };
  expectTypeOf(refused).returns.toEqualTypeOf<void>();
  const stores = defineStores({ settings: settings<AppSettings>({ defaults }) });
  expectTypeOf(stores.settings.options.defaults).toEqualTypeOf<AppSettings>();
});
