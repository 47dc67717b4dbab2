import { describe, expect, it, vi } from 'vitest';
import { Settings, type StandardSchema } from '../../main/engine/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';

type AppSettings = { theme: string; size: number };
const defaults: AppSettings = { theme: 'light', size: 13 };

const schemaOf = <V>(check: (value: V) => V | string): StandardSchema<V> => ({
  '~standard': {
    version: 1,
    vendor: 'test',
    validate(value) {
      const result = check(value as V);
      return typeof result === 'string' && result.startsWith('!')
        ? { issues: [{ message: result.slice(1) }] }
        : { value: result as V };
    },
  },
});

const theme = schemaOf<string>((value) => (['light', 'dark'].includes(value.trim?.()) ? value.trim() : '!not a theme'));
const whole = schemaOf<AppSettings>((value) => (value.size <= 100 ? value : ('!size is above 100' as never)));

describe('a schema of settings', () => {
  it('validates each member when it is set, and stores what the schema makes of it', () => {
    using settings = new Settings<AppSettings>(freshDirectory(), { defaults, schema: { theme } });
    settings.set('theme', ' dark ');
    expect(settings.get('theme')).toBe('dark');
    expect(() => settings.set({ size: 5, theme: 'pink' })).toThrow(/not a theme.*not stored/);
    expect(settings.all()).toEqual({ theme: 'dark', size: 13 });
  });

  it('validates all settings together', () => {
    using settings = new Settings<AppSettings>(freshDirectory(), { defaults, schema: whole });
    expect(() => settings.set('size', 101)).toThrow(expect.objectContaining({ code: 'BAD_VALUE' }));
    settings.set('size', 100);
    expect(settings.get('size')).toBe(100);
  });

  it('refuses defaults that do not fit', () => {
    const open = () =>
      new Settings<AppSettings>(freshDirectory(), { defaults: { theme: 'pink', size: 1 }, schema: { theme } });
    expect(open).toThrow(/defaults don't fit the schema/);
  });

  function storeInvalid() {
    const directory = freshDirectory();
    using settings = new Settings<AppSettings>(directory, { defaults });
    settings.set({ theme: 'pink', size: 200 });
    return directory;
  }

  it.each([
    ['by member', { theme }, 'theme'],
    ['of the whole', whole, 'size'],
  ] as const)('validates what was stored without it when it is read (%s)', (_, schema, name) => {
    using settings = new Settings<AppSettings>(storeInvalid(), { defaults, schema });
    expect(() => settings.get(name)).toThrow(expect.objectContaining({ code: 'BAD_VALUE' }));
    settings.reset(name);
    expect(settings.get(name)).toBe(defaults[name]);
  });

  it('gives the default for what does not fit, with one warning, if it is told to', async () => {
    const warnings = vi.fn();
    process.once('warning', warnings);
    using settings = new Settings<AppSettings>(storeInvalid(), { defaults, schema: whole, invalid: 'default' });
    expect(settings.all()).toEqual({ theme: 'pink', size: 13 });
    expect(settings.get('size')).toBe(13);
    await vi.waitFor(() => expect(warnings).toHaveBeenCalledOnce());
    expect(String(warnings.mock.calls[0]![0])).toMatch(/size is above 100.*The default value is used/);
  });

  it('names the setting, its part and how to reset it', () => {
    const path = ['sub'];
    const sub = {
      '~standard': { version: 1, vendor: 'test', validate: () => ({ issues: [{ message: 'no', path }] }) },
    };
    const open = (schema: unknown, invalid?: 'default') =>
      new Settings<AppSettings>(storeInvalid(), { defaults, schema: schema as never, ...(invalid && { invalid }) });
    using byMember = open({ theme });
    expect(() => byMember.get('theme')).toThrow(/^The setting "theme" in .*\(theme: not a theme\).*reset\("theme"\)/);
    using ofAll = open(whole);
    expect(() => ofAll.all()).toThrow(/^The object of all settings in .*\(settings: size is above 100\).*set or reset/);
    expect(() => open({ size: sub })).toThrow(/\(size\.sub: no\)/);
    expect(() => open({ size: 3 })).toThrow(/^schema of size is not a Standard Schema/);
  });

  const known = schemaOf<Record<string, unknown>>((value) => {
    const { theme, size, editor } = value as {
      theme: string;
      size: number;
      editor?: { font?: string; fontSize: number };
    };
    const { font = 'Iosevka', fontSize = 13 } = editor ?? {};
    return { theme, size, ...(editor && { editor: { font, fontSize } }) };
  });

  it('refuses a setting that it leaves out: it would never be returned', () => {
    using settings = new Settings<Record<string, unknown>>(freshDirectory(), { defaults, schema: known });
    expect(() => settings.set({ size: 14, extra: 1 })).toThrow(/leaves out "extra", so it was not stored/);
    expect([settings.has('extra'), settings.get('size')]).toEqual([false, 13]);
    settings.reset('extra');
  });

  it('refuses a path that it leaves out, also in a patch and in an object that was set as a whole', () => {
    using settings = new Settings<Record<string, unknown>>(freshDirectory(), { defaults, schema: known });
    const leftOut = /leaves out "editor\.junk", so it was not stored/;
    expect(() => settings.set('editor.junk', 1)).toThrow(leftOut);
    expect(() => settings.set({ size: 14, 'editor.junk': 1 })).toThrow(leftOut);
    settings.set('editor', { font: 'Fira', fontSize: 15 });
    expect(() => settings.set('editor.junk', { deep: 1 })).toThrow(leftOut);
    expect(settings.all()).toEqual({ ...defaults, editor: { font: 'Fira', fontSize: 15 } });
    settings.reset('editor.junk', 'editor.font');
    settings.set({ 'editor.junk': 1, editor: { fontSize: 16 } });
    expect(settings.get('editor')).toEqual({ font: 'Iosevka', fontSize: 16 });
  });

  it('can be set where an older version has stored what it leaves out', () => {
    const directory = freshDirectory();
    using old = new Settings<Record<string, unknown>>(directory, { defaults });
    old.set({ 'editor.junk': 1, 'editor.fontSize': 14 });
    old.close();
    using settings = new Settings<Record<string, unknown>>(directory, { defaults, schema: known });
    settings.set('editor.font', 'Fira');
    expect(settings.get('editor')).toEqual({ font: 'Fira', fontSize: 14 });
  });

  it('has a warning for a validator whose name looks misspelt, and for no other', async () => {
    const messages: string[] = [];
    const onWarning = ({ message }: Error) => message.startsWith('schema validates') && messages.push(message);
    process.on('warning', onWarning);
    const any = schemaOf<never>((value) => value);
    const open = (schema: object) =>
      new Settings<Record<string, unknown>>(freshDirectory(), {
        defaults: { theme: 'light', size: 13, font1: 'Fira' },
        schema: schema as never,
      }).close();
    for (const name of ['teme', 'Theme', 'thme', 'tehme', 'thema']) open({ [name]: any });
    for (const name of ['theme', 'colour', 'font2', 'siz3rs']) open({ [name]: any });
    open({ theme: any, themes: any });
    await vi.waitFor(() => expect(messages).toHaveLength(5));
    expect(messages[0]).toBe('schema validates "teme", which has no default, and not "theme"; is the name misspelt?');
    process.off('warning', onWarning);
  });

  it('does not make defaults of what was never set into stored values', () => {
    const directory = freshDirectory();
    const open = (fontSize: number) =>
      new Settings<Record<string, unknown>>(directory, {
        defaults: { ...defaults, editor: { font: 'Iosevka', fontSize } },
        schema: known,
      });
    using settings = open(13);
    settings.set('editor', { junk: 1, fontSize: 13 });
    expect(settings.has('editor.junk')).toBe(false);
    settings.reset('editor');
    expect(settings.has('editor')).toBe(false);
    settings.set('editor.font', 'Fira');
    expect(settings.get('editor')).toEqual({ font: 'Fira', fontSize: 13 });
    expect([settings.has('editor.font'), settings.has('editor.fontSize'), settings.has('editor.junk')]).toEqual([
      true,
      false,
      false,
    ]);
    settings.close();
    using next = open(16);
    expect(next.get('editor')).toEqual({ font: 'Fira', fontSize: 16 });
  });

  it('lets others be set while one is read as its default', () => {
    using settings = new Settings<AppSettings>(storeInvalid(), { defaults, schema: whole, invalid: 'default' });
    settings.set('theme', 'dark');
    expect(settings.all()).toEqual({ theme: 'dark', size: 13 });
    expect(() => settings.set('size', 300)).toThrow(/size is above 100/);
  });

  it('lets a part be set of an object that is read as its default, and starts from that default', () => {
    const directory = freshDirectory();
    const editorDefaults = { editor: { font: 'Iosevka', size: 13 } };
    using old = new Settings<Record<string, unknown>>(directory, { defaults: editorDefaults });
    old.set({ 'editor.font': 5, 'editor.size': 20 });
    old.close();
    const editor = schemaOf<{ font: unknown }>((value) =>
      typeof value.font === 'string' ? value : ('!no font' as never),
    );
    const open = (invalid: 'default' | 'throw') =>
      new Settings<Record<string, unknown>>(directory, { defaults: editorDefaults, schema: { editor }, invalid });
    using strict = open('throw');
    expect(() => strict.set('editor.size', 15)).toThrow(/no font/);
    strict.close();
    using settings = open('default');
    settings.set('editor.size', 15);
    expect(settings.get('editor')).toEqual({ font: 'Iosevka', size: 15 });
    expect(settings.has('editor.font')).toBe(false);
  });

  it.each(['constructor', 'toString'])('has nothing to say of %s, which no object inherits here', (name) => {
    using settings = new Settings<Record<string, unknown>>(freshDirectory(), { defaults, schema: { theme } as never });
    settings.reset(name);
    expect(settings.all()).toEqual(defaults);
  });

  it('refuses an invalid schema', () => {
    const open = (schema: unknown) => () =>
      new Settings<AppSettings>(freshDirectory(), { defaults, schema: schema as never });
    expect(open({ theme: 5 })).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }));
    expect(open('zod')).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }));
  });

  it('keeps the listeners of other settings going when one was stored that does not fit, with one warning', async () => {
    const warnings: Error[] = [];
    const directory = freshDirectory();
    const onWarning = (warning: Error) => warning.message.includes(directory) && warnings.push(warning);
    process.on('warning', onWarning);
    using settings = new Settings<AppSettings>(directory, { defaults, schema: { theme } });
    using older = new Settings<AppSettings>(directory, { defaults });
    const sizes: unknown[] = [];
    const changes: unknown[] = [];
    settings.onChange('size', (now, before) => sizes.push([now, before]));
    settings.subscribe(({ key }) => changes.push(key));
    older.set('theme', 'pink');
    older.set('size', 14);
    await vi.waitFor(() => expect(sizes).toEqual([[14, 13]]));
    settings.set('size', 15);
    settings.set('theme', 'dark');
    expect([sizes, changes]).toEqual([
      [
        [14, 13],
        [15, 14],
      ],
      ['size', 'size', 'theme'],
    ]);
    await vi.waitFor(() => expect(warnings.map(String)).toEqual([expect.stringMatching(/settings.*not a theme/)]));
    process.off('warning', onWarning);
  });
});
