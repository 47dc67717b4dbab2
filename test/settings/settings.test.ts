import { describe, expect, it, vi } from 'vitest';
import { Index, Settings } from '../../main/engine/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';

interface AppSettings {
  theme: 'light' | 'dark';
  editor: { fontSize: number; font?: string; rulers: number[] };
  shortcuts: Record<string, string>;
  openedAt: Date | null;
}

const DEFAULTS: AppSettings = {
  theme: 'light',
  editor: { fontSize: 13, rulers: [80] },
  shortcuts: { save: 'Ctrl+S' },
  openedAt: null,
};

function openSettings(
  directory = freshDirectory(),
  options: Partial<ConstructorParameters<typeof Settings<AppSettings>>[1]> = {},
) {
  return new Settings<AppSettings>(directory, { defaults: DEFAULTS, ...options });
}

describe('settings', () => {
  it('have their defaults until they are set, and store none of them', () => {
    using settings = openSettings();
    expect(settings.get('theme')).toBe('light');
    expect(settings.get('editor.fontSize')).toBe(13);
    expect(settings.all()).toEqual(DEFAULTS);
    settings.close();
    using stored = new Index<never>(settings.directory);
    expect([...stored.keys()]).toEqual([['settings']]);
  });

  it('are found by dot paths, and by arrays for names with a dot', () => {
    using settings = openSettings();
    settings.set('editor.fontSize', 14);
    settings.set(['shortcuts', 'file.open'], 'Ctrl+O');
    expect(settings.get('editor')).toEqual({ fontSize: 14, rulers: [80] });
    expect(settings.get(['shortcuts', 'file.open'])).toBe('Ctrl+O');
    expect(settings.get('shortcuts')).toEqual({ save: 'Ctrl+S', 'file.open': 'Ctrl+O' });
  });

  it('keep what was set when they are opened again, over the defaults of the next version', () => {
    using settings = openSettings();
    settings.set('editor.fontSize', 14);
    settings.close();
    const defaults = { ...DEFAULTS, editor: { fontSize: 15, rulers: [100] } };
    using next = openSettings(settings.directory, { defaults });
    expect(next.get('editor')).toEqual({ fontSize: 14, rulers: [100] });
  });

  it('replace an object that is set as a whole, and set members in it from then on', () => {
    using settings = openSettings();
    settings.set('shortcuts', {});
    expect(settings.get('shortcuts')).toEqual({});
    settings.set('shortcuts.open', 'Ctrl+O');
    expect(settings.get('shortcuts')).toEqual({ open: 'Ctrl+O' });
  });

  it('set several at once, all or none', () => {
    using settings = openSettings();
    settings.set({ theme: 'dark', 'editor.fontSize': 20 });
    expect([settings.get('theme'), settings.get('editor.fontSize')]).toEqual(['dark', 20]);
    expect(() => settings.set({ theme: 'light', 'editor.fontSize': (() => 1) as never })).toThrow(
      expect.objectContaining({ code: 'BAD_VALUE' }),
    );
    expect(settings.get('theme')).toBe('dark');
  });

  it('set and reset thousands of paths below one member at once', () => {
    using settings = new Settings(freshDirectory(), { defaults: { bag: {} as Record<string, number> } });
    const names = Array.from({ length: 10_000 }, (_, nth) => `n${nth}`);
    settings.set(Object.fromEntries(names.map((name, nth) => [`bag.${name}`, nth])) as never);
    expect(settings.get('bag')).toEqual(Object.fromEntries(names.map((name, nth) => [name, nth])));
    settings.reset(...names.slice(1).map((name) => ['bag', name]));
    expect(settings.get('bag')).toEqual({ n0: 0 });
    settings.reset(['bag', 'n0']);
    expect([settings.get('bag'), settings.has('bag')]).toEqual([{}, false]);
  });

  it('are reset one by one, in an object that was set as a whole too, and all together', () => {
    using settings = openSettings();
    settings.set({ theme: 'dark', 'editor.fontSize': 20, shortcuts: { save: 'F2', open: 'F3' } });
    settings.reset('editor.fontSize', 'shortcuts.save');
    expect(settings.all()).toEqual({ ...DEFAULTS, theme: 'dark', shortcuts: { save: 'Ctrl+S', open: 'F3' } });
    settings.reset('shortcuts.open');
    expect(settings.get('shortcuts')).toEqual({ save: 'Ctrl+S' });
    settings.reset();
    expect(settings.all()).toEqual(DEFAULTS);
    expect(settings.has('theme')).toBe(false);
  });

  it('know what was set', () => {
    using settings = openSettings();
    settings.set('editor.fontSize', 13);
    expect(settings.has('editor')).toBe(true);
    expect(settings.has('editor.fontSize')).toBe(true);
    expect(settings.has('editor.rulers')).toBe(false);
    expect(settings.has('theme')).toBe(false);
    settings.set('shortcuts', { open: 'F3' });
    expect(settings.has('shortcuts.open')).toBe(true);
    expect(settings.has('shortcuts.save')).toBe(false);
  });

  it('return copies, so that no caller changes the defaults or what is stored', () => {
    using settings = openSettings();
    settings.get('editor').fontSize = 99;
    settings.all().editor.rulers.push(1);
    expect(settings.all()).toEqual(DEFAULTS);
  });

  it('do not find what objects inherit', () => {
    using settings = openSettings();
    expect(settings.get(['constructor'])).toBeUndefined();
    expect(settings.get(['editor', 'toString'])).toBeUndefined();
    expect(settings.get(['theme', 'length'])).toBeUndefined();
  });

  it.each([
    ['', 'BAD_KEY'],
    ['editor.', 'BAD_KEY'],
    ['__proto__.x', 'BAD_KEY'],
    [7, 'BAD_KEY'],
    [[], 'BAD_KEY'],
    [['a', 1], 'BAD_KEY'],
  ])('refuse the path %j', (path, code) => {
    using settings = openSettings();
    for (const call of [
      () => settings.get(path as never),
      () => settings.set(path as never, 1 as never),
      () => settings.reset(path as never),
    ])
      expect(call).toThrow(expect.objectContaining({ code }));
  });

  it('refuse undefined and a path into something that is not an object, and say what to do', () => {
    using settings = openSettings();
    expect(() => settings.set('theme', undefined as never)).toThrow(/"theme" can't be set to undefined; use reset/);
    expect(() => settings.set(['theme', 'hue'], 1)).toThrow(/"theme" is a string, so nothing can be set below it/);
    settings.set(['editor'], 5);
    expect(() => settings.set('editor.fontSize', 1)).toThrow(/"editor" is a number/);
  });

  it('say so where an older version of the application has opened them as an index and written to it', () => {
    const directory = freshDirectory();
    openSettings(directory).close();
    using index = new Index<string, unknown>(directory);
    index.set('theme', 'dark');
    index.set('editor', null);
    index.close();
    using settings = openSettings(directory);
    const refused = expect.objectContaining({ code: 'CORRUPT' });
    for (const read of [
      () => settings.get('theme'),
      () => settings.has('editor.font'),
      () => settings.all(),
      () => settings.set('editor.font', 'Fira'),
      () => settings.onChange('theme', () => {}),
    ])
      expect(read).toThrow(refused);
    expect(() => settings.get('theme')).toThrow(/"theme" was not stored by settings, but by an index/);
    settings.set('theme', 'light');
    settings.reset('editor');
    expect(settings.all()).toEqual(DEFAULTS);
  });

  it('name the path of a value that can not be stored, as it was given', () => {
    using settings = openSettings();
    const bad = { list: [1, () => 1] };
    expect(() => settings.set('editor.font', bad as never)).toThrow(
      /^The setting "editor\.font" can't be set: value\.list\[1\] is a function; settings are plain data$/,
    );
    expect(() => settings.set({ theme: 'dark', 'shortcuts.save': Symbol('s') as never })).toThrow(
      /^The setting "shortcuts\.save" can't be set: value is a symbol/,
    );
    expect(settings.all()).toEqual(DEFAULTS);
  });

  it.each([[new Map([['theme', 'dark']])], [new Date(0)], [new Set(['theme'])], [Promise.resolve({})]])(
    'refuse a patch that is not a plain object: %s',
    (patch) => {
      using settings = openSettings();
      expect(() => settings.set(patch as never)).toThrow(/can't be set as settings; give a path and a value/);
    },
  );

  it('refuse defaults that settings could not keep, and name the part', () => {
    const open = (editor: unknown) => () =>
      openSettings(undefined, { defaults: { ...DEFAULTS, editor: editor as never } });
    expect(open({ save() {} })).toThrow(/^defaults\.editor\.save is a function; settings are plain data$/);
    expect(
      open(
        new (class Editor {
          get size() {
            return 1;
          }
        })(),
      ),
    ).toThrow(/^defaults\.editor is an Editor/);
    expect(() => openSettings(undefined, { defaults: [] as never })).toThrow(
      /^defaults is an Array; give a plain object/,
    );
  });

  it('keep an object whose members were set, when the default of the next version is none', () => {
    const directory = freshDirectory();
    using old = new Settings<{ bounds: object | null }>(directory, { defaults: { bounds: { width: 1 } } });
    old.set(['bounds', 'width'], 5);
    old.close();
    using settings = new Settings<{ bounds: object | null }>(directory, { defaults: { bounds: null } });
    settings.set(['bounds', 'height'], 6);
    expect(settings.get('bounds')).toEqual({ width: 5, height: 6 });
    settings.reset('bounds');
    expect(() => settings.set(['bounds', 'height'], 6)).toThrow(/"bounds" is null, so nothing can be set below it/);
  });

  it('survive in another handle, and in one that reopens their description', async () => {
    const { reopen } = await import('../../main/engine/index.ts');
    using settings = openSettings();
    using other = reopen(settings.describe());
    settings.set('theme', 'dark');
    expect(other.get('theme')).toBe('dark');
    expect(other.get('editor.fontSize')).toBe(13);
  });

  it('take over an index with texts as keys', () => {
    const directory = freshDirectory();
    using index = new Index<string>(directory);
    index.set('theme', 'dark').set('legacy', [1]);
    index.close();
    using settings = openSettings(directory);
    expect(settings.get('theme')).toBe('dark');
    expect(settings.get(['legacy'])).toEqual([1]);
  });

  it('refuse an index with other keys and leave it as it is', () => {
    const directory = freshDirectory();
    using index = new Index(directory);
    index.set('a', 1).set(7, 2);
    index.close();
    expect(() => openSettings(directory)).toThrow(/keys aren't texts/);
    using again = new Index(directory);
    expect([...again]).toEqual([
      ['a', 1],
      [7, 2],
    ]);
  });

  it('refuse options that are not known, and defaults that are not an object', () => {
    expect(() => openSettings(undefined, { sizeLimit: 1 } as never)).toThrow(
      /unknown option "sizeLimit"; valid options: clock/,
    );
    expect(() => openSettings(undefined, { defaults: [] as never })).toThrow(
      /defaults is an object; give an object|defaults/,
    );
  });
});

describe('listeners of settings', () => {
  it('are called once per transaction, with the value of their path now and before', () => {
    using settings = openSettings();
    const onFont = vi.fn();
    const onTheme = vi.fn();
    const onAny = vi.fn();
    settings.onChange('editor.fontSize', onFont);
    settings.onChange('theme', onTheme);
    settings.onAnyChange(onAny);
    settings.set({ 'editor.fontSize': 20, 'editor.font': 'Iosevka' });
    settings.set('editor.fontSize', 20);
    expect(onFont.mock.calls).toEqual([[20, 13]]);
    expect(onTheme).not.toHaveBeenCalled();
    expect(onAny.mock.calls).toHaveLength(1);
    expect(onAny.mock.calls[0]![0].editor.font).toBe('Iosevka');
  });

  it('are not called by a transaction that is rolled back', () => {
    using settings = openSettings();
    const onAny = vi.fn();
    settings.onAnyChange(onAny);
    expect(() =>
      settings.transact(() => {
        settings.set('theme', 'dark');
        throw new Error('no');
      }),
    ).toThrow('no');
    expect(onAny).not.toHaveBeenCalled();
  });

  it('hear of changes of another handle', async () => {
    using settings = openSettings();
    using other = openSettings(settings.directory);
    const onTheme = vi.fn();
    settings.onChange('theme', onTheme);
    other.set('theme', 'dark');
    await vi.waitFor(() => expect(onTheme.mock.calls).toEqual([['dark', 'light']]));
  });

  it('are not called after they have ended, and may end themselves', () => {
    using settings = openSettings();
    const onTheme = vi.fn(() => stop());
    const stop = settings.onChange('theme', onTheme);
    settings.set('theme', 'dark');
    settings.set('theme', 'light');
    expect(onTheme).toHaveBeenCalledOnce();
  });

  it('are not called after another listener has ended them, or has closed the settings', () => {
    using settings = openSettings();
    const onTheme = vi.fn();
    settings.onChange('theme', () => stop());
    const stop = settings.onChange('theme', onTheme);
    settings.onChange('editor.fontSize', () => settings.close());
    settings.onChange('editor.fontSize', onTheme);
    settings.set('theme', 'dark');
    settings.set('editor.fontSize', 20);
    expect(onTheme).not.toHaveBeenCalled();
  });

  it.each(['onChange', 'onAnyChange', 'subscribe'] as const)(
    'may be async: %s warns of what they reject',
    async (how) => {
      const warnings = vi.fn();
      process.on('warning', warnings);
      using settings = openSettings();
      const fail = async () => {
        throw new Error('not yet');
      };
      if (how === 'onChange') settings.onChange('theme', fail);
      else settings[how](fail);
      settings.set('theme', 'dark');
      await vi.waitFor(() => expect(warnings.mock.calls[0]?.[0].cause.message).toBe('not yet'));
      process.off('warning', warnings);
    },
  );

  it('compare with what is stored, also if the first one could not read it', () => {
    using settings = openSettings();
    settings.set('theme', 'dark');
    const isDark = (value: unknown) => (value === 'dark' ? { issues: [{ message: 'too dark' }] } : { value });
    const theme = { '~standard': { version: 1, vendor: 'test', validate: isDark } } as const;
    using strict = openSettings(settings.directory, { schema: { theme } as never });
    const onFont = vi.fn();
    expect(() => strict.onChange('editor.fontSize', onFont)).toThrow(/too dark/);
    settings.reset('theme');
    strict.onChange('editor.fontSize', onFont);
    strict.set('openedAt', new Date(0));
    expect(onFont).not.toHaveBeenCalled();
    strict.set('editor.fontSize', 20);
    expect(onFont.mock.calls).toEqual([[20, 13]]);
  });

  it('can not be added to closed settings, and never are called there', () => {
    const settings = openSettings();
    settings.onChange('theme', () => {});
    settings.close();
    expect(() => settings.onChange('theme', () => {})).toThrow(expect.objectContaining({ code: 'CLOSED' }));
  });

  it('may set settings: what they change is reported after it', () => {
    using settings = openSettings();
    const seen: number[] = [];
    settings.onChange('editor.fontSize', (now) => {
      seen.push(now);
      if (now < 16) settings.set('editor.fontSize', now + 1);
    });
    settings.set('editor.fontSize', 14);
    expect(seen).toEqual([14, 15, 16]);
  });

  it('get frozen objects', () => {
    using settings = openSettings();
    settings.onAnyChange((now) => expect(Object.isFrozen(now.editor)).toBe(true));
    settings.set('editor.fontSize', 1);
  });

  it('say what was closed', () => {
    const settings = new Settings(freshDirectory(), { defaults: {} });
    settings.close();
    settings.close();
    expect(() => settings.all()).toThrow(/^The settings at .* was closed; open it again$/);
  });
});
