import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Index, Settings, type SettingsMigrations, type SettingsOptions } from '../../main/engine/index.ts';
import { testHost } from '../../main/testing/index.ts';
import { defineStores, settings } from '../../protocol/index.ts';
import { conf, electronConf, electronJsonStorage, electronStore, lowdb } from '../../protocol/move-source.ts';
import type { StandardSchema } from '../../protocol/stores.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';

interface Preferences {
  theme: string;
  editor: { fontSize: number; font: string };
  recent: string[];
}
const defaults: Preferences = { theme: 'light', editor: { fontSize: 13, font: 'Iosevka' }, recent: [] };

let userData: string;
let file: string;
const emitWarning = vi.spyOn(process, 'emitWarning');

beforeEach(() => {
  userData = freshDirectory();
  file = join(userData, 'config.json');
  emitWarning.mockReset();
});
afterEach(() => {
  vi.unstubAllEnvs();
});

const write = (content: unknown, path = file) =>
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));

const open = (options: Partial<SettingsOptions<Preferences>> = {}) =>
  new Settings<Preferences>(join(userData, 'deskcache/preferences'), {
    defaults,
    from: electronStore(file),
    ...options,
  });

const getWarnings = () => emitWarning.mock.calls.map(([warning]) => String((warning as Error).message));

/** A schema for one member. */
const only = (allowed: (value: unknown) => boolean): StandardSchema<never> => ({
  '~standard': {
    version: 1,
    validate: (value) => (allowed(value) ? { value: value as never } : { issues: [{ message: 'not allowed' }] }),
  },
});

describe('settings that were in the file of an electron-store', () => {
  it('are moved when the settings are opened, and the file stays as it is', () => {
    write({ theme: 'dark', recent: ['a'], unknown: { to: 'this version' } });
    const before = readFileSync(file);
    using preferences = open();
    expect(preferences.all()).toEqual({
      theme: 'dark',
      editor: { fontSize: 13, font: 'Iosevka' },
      recent: ['a'],
      unknown: { to: 'this version' },
    });
    expect(preferences.has('theme')).toBe(true);
    expect(preferences.has('editor')).toBe(false);
    expect(readFileSync(file)).toEqual(before);
    expect(getWarnings()).toEqual([]);
  });

  it('are moved once: what is changed later stays, also what is reset', () => {
    write({ theme: 'dark', recent: ['a'] });
    open().close();
    using second = open();
    second.set('theme', 'blue');
    second.reset('recent');
    second.close();
    write({ theme: 'green', recent: ['b'], editor: { fontSize: 1 } });
    using third = open();
    expect(third.all()).toEqual({ ...defaults, theme: 'blue' });
  });

  it('leave the defaults of members that the old version did not have', () => {
    write({ editor: { fontSize: 20 } });
    using preferences = open();
    expect(preferences.get('editor')).toEqual({ fontSize: 20, font: 'Iosevka' });
    expect([preferences.has('editor.fontSize'), preferences.has('editor.font')]).toEqual([true, false]);
  });

  it('keep a name with a dot, and lose what the library keeps for itself', () => {
    write({ 'files.autosave': true, __internal__: { migrations: { version: '1.0.0' } } });
    using preferences = open();
    expect(preferences.get(['files.autosave'])).toBe(true);
    expect(preferences.get(['__internal__'])).toBeUndefined();
  });

  it('are moved at the first opening that finds the file', () => {
    open().close();
    using before = open();
    before.set('theme', 'mine');
    before.close();
    write({ theme: 'dark', recent: ['a'] });
    using preferences = open();
    expect(preferences.all()).toEqual({ ...defaults, theme: 'mine', recent: ['a'] });
    preferences.close();
    rmSync(file);
    using after = open();
    expect(after.get('recent')).toEqual(['a']);
  });

  it('are heard of by no listener, and are there for other processes', () => {
    write({ theme: 'dark' });
    using preferences = open();
    using other = open();
    expect(other.get('theme')).toBe(preferences.get('theme'));
  });

  it('are moved beside the entries of an index that becomes settings', () => {
    using index = new Index<string, unknown>(join(userData, 'deskcache/preferences'));
    index.set('recent', ['from the index']);
    index.close();
    write({ theme: 'dark', recent: ['from the file'] });
    const migrations: SettingsMigrations = { 2: (stored) => stored.set('migrated', stored.names().sort().join()) };
    using preferences = open({ migrations });
    expect(preferences.all()).toEqual({
      ...defaults,
      theme: 'dark',
      recent: ['from the index'],
      migrated: 'recent,theme',
    });
  });

  it('are not moved by settings that are only read', () => {
    open({ from: [] }).close();
    write({ theme: 'dark' });
    using preferences = open({ readOnly: true });
    expect(preferences.get('theme')).toBe('light');
  });
});

describe('a damaged file', () => {
  it.each([
    ['cut off', '{ "theme": "da'],
    ['empty', ''],
    ['of zeros', '\0'.repeat(100)],
    ['with something other than an object', '["dark"]'],
    ['with null', 'null'],
  ])(
    '%s: the application starts with its defaults, a warning names the file, and the next start tries again',
    (_, text) => {
      write(text);
      using preferences = open();
      expect(preferences.all()).toEqual(defaults);
      expect(getWarnings()).toEqual([expect.stringContaining(`${file} was not moved`)]);
      preferences.set('recent', ['mine']);
      preferences.close();
      expect(readFileSync(file, 'utf8')).toBe(text);
      write({ theme: 'dark', recent: ['old'] });
      using repaired = open();
      expect(repaired.all()).toEqual({ ...defaults, theme: 'dark', recent: ['mine'] });
      expect(getWarnings()).toHaveLength(1);
    },
  );

  it('a folder in its place', () => {
    mkdirSync(file);
    using preferences = open();
    expect(preferences.all()).toEqual(defaults);
    expect(getWarnings()).toEqual([expect.stringContaining('EISDIR')]);
  });
});

describe('values that a schema refuses', () => {
  const schema = {
    theme: only((value) => value === 'light' || value === 'dark'),
    recent: only((value) => Array.isArray(value)),
  };

  it('are listed in one warning, and have their defaults; the others are moved', () => {
    write({ theme: 42, recent: ['a'] });
    using preferences = open({ schema });
    expect(preferences.all()).toEqual({ ...defaults, recent: ['a'] });
    expect(preferences.has('theme')).toBe(false);
    expect(getWarnings()).toEqual([expect.stringMatching(/1 of the values in .*config\.json .*"theme"/)]);
    preferences.close();
    open({ schema }).close();
    expect(getWarnings()).toHaveLength(1);
  });

  it('are found one by one by a schema of all settings', () => {
    write({ theme: 'dark', recent: 'no array', unknown: 1 });
    const whole = only((all) => {
      const { theme, recent, ...others } = all as Preferences;
      return theme !== '' && Array.isArray(recent) && Object.keys(others).join() === 'editor';
    });
    using preferences = open({ schema: whole });
    expect(preferences.all()).toEqual({ ...defaults, theme: 'dark' });
    expect(getWarnings()).toEqual([expect.stringMatching(/2 of the values .*"recent".*"unknown"/)]);
  });

  it('are listed, too, if their name can not be one of a setting', () => {
    write({ theme: 'dark', '': 1 });
    using preferences = open();
    expect(preferences.get('theme')).toBe('dark');
    expect(getWarnings()).toEqual([expect.stringContaining('"": The path')]);
  });

  it('are judged after the migrations', () => {
    write({ colours: 'dark' });
    const migrations: SettingsMigrations = {
      2: (stored) => {
        stored.set('theme', stored.get('colours'));
        stored.delete('colours');
      },
    };
    using preferences = open({ schema, migrations });
    expect(preferences.all()).toEqual({ ...defaults, theme: 'dark' });
    expect(getWarnings()).toEqual([]);
  });
});

describe('migrations of moved settings', () => {
  const getSteps = (options: Partial<SettingsOptions<Preferences>>, versions: readonly (string | number)[]) => {
    const steps: unknown[] = [];
    const migrations = Object.fromEntries(
      versions.map((version) => [version, (_: unknown, from: unknown) => void steps.push([version, from])]),
    );
    open({ ...options, migrations }).close();
    open({ ...options, migrations }).close();
    return steps;
  };

  it('run once, all of them, from version 0', () => {
    write({ theme: 'dark' });
    expect(getSteps({}, [2, 3])).toEqual([
      [2, 0],
      [3, 2],
    ]);
  });

  it("run from the version that conf's own migrations had reached", () => {
    write({ theme: 'dark', __internal__: { migrations: { version: '1.4.0' } } });
    expect(getSteps({ version: '2.1.0' }, ['1.2.0', '1.4.0', '2.0.0'])).toEqual([['2.0.0', '1.4.0']]);
  });

  it('run none if there is no file', () => {
    expect(getSteps({}, [2, 3])).toEqual([]);
  });

  it('move nothing if one of them throws', () => {
    write({ theme: 'dark' });
    const migrations: SettingsMigrations = {
      2: () => {
        throw new Error('broken');
      },
    };
    expect(() => open({ migrations })).toThrow('broken');
    using preferences = open();
    expect(preferences.get('theme')).toBe('dark');
  });
});

describe('files of each library', () => {
  const FIXTURES = join(import.meta.dirname, 'fixtures');
  const STORED = { theme: 'dark', editor: { fontSize: 15 }, 'files.autosave': true, recent: ['a', 'b'], nothing: null };
  const encryptionKey = 'a secret';

  it.each([
    ['plain', {}, true],
    ['plain', { encryptionKey }, true],
    ['cbc', { encryptionKey }, true],
    ['cbc', { encryptionKey: Buffer.from(encryptionKey) }, true],
    ['ctr', { encryptionKey, encryptionAlgorithm: 'aes-256-ctr' }, true],
    ['gcm', { encryptionKey, encryptionAlgorithm: 'aes-256-gcm' }, true],
    ['cbc-old', { encryptionKey }, false],
  ] as const)('%s.json as conf 15 or 10 has written it, with %o', (name, options, isMigrated) => {
    using preferences = open({ from: electronStore(join(FIXTURES, `${name}.json`), options) });
    expect(preferences.all()).toEqual({
      ...defaults,
      ...STORED,
      editor: { fontSize: 15, font: 'Iosevka' },
      ...(isMigrated && { migrated: true }),
    });
    expect(getWarnings()).toEqual([]);
  });

  it.each([
    ['without its key', {}],
    ['with another key', { encryptionKey: 'another' }],
    ['with another algorithm', { encryptionKey, encryptionAlgorithm: 'aes-256-gcm' }],
  ] as const)('an encrypted file %s is a damaged one', (_, options) => {
    using preferences = open({ from: conf(join(FIXTURES, 'cbc.json'), options) });
    expect(preferences.all()).toEqual(defaults);
    expect(getWarnings()).toEqual([expect.stringContaining('cbc.json was not moved')]);
  });

  it('shows nothing of a damaged file in the warning', () => {
    write('secret-token');
    open().close();
    expect(getWarnings().join()).not.toContain('secret');
  });

  it('electron-conf: a file of the same form', () => {
    write({ theme: 'dark', __internal__: { migrationVersion: 2 } });
    using preferences = open({ from: electronConf(file) });
    expect(preferences.all()).toEqual({ ...defaults, theme: 'dark' });
  });

  it('electron-json-storage: a file for each key, with its names', () => {
    const folder = join(userData, 'storage');
    mkdirSync(folder);
    write('"dark"', join(folder, 'theme.json'));
    write('{"fontSize":1}', join(folder, 'editor.json'));
    write('1', join(folder, 'a key%2Fb.json'));
    write('no json', join(folder, 'recent.json'));
    write('a lock', join(folder, 'theme.json.lock'));
    const from = electronJsonStorage(folder);
    using preferences = open({ from });
    expect(preferences.all()).toEqual({
      ...defaults,
      theme: 'dark',
      editor: { fontSize: 1, font: 'Iosevka' },
      'a key/b': 1,
    });
    expect(getWarnings()).toEqual([expect.stringContaining('"recent" in')]);
    preferences.reset('theme');
    preferences.close();
    write('["repaired"]', join(folder, 'recent.json'));
    using again = open({ from });
    expect([again.get('theme'), again.get('recent')]).toEqual(['light', ['repaired']]);
    again.reset('recent');
    again.close();
    using third = open({ from });
    expect(third.get('recent')).toEqual([]);
  });

  it('lowdb: its top-level members', () => {
    write({ recent: ['x'] }, join(userData, 'db.json'));
    using preferences = open({ from: lowdb(join(userData, 'db.json')) });
    expect(preferences.get('recent')).toEqual(['x']);
  });

  it('several of them, the first one before the others', () => {
    write({ theme: 'first' });
    write({ theme: 'second', recent: ['second'] }, join(userData, 'other.json'));
    using preferences = open({ from: [electronStore(file), electronStore(join(userData, 'other.json'))] });
    expect(preferences.all()).toEqual({ ...defaults, theme: 'first', recent: ['second'] });
  });

  it('conf with a project name: in the folder of the system', () => {
    vi.stubEnv('XDG_CONFIG_HOME', userData);
    const folder = join(userData, 'notes-nodejs');
    mkdirSync(folder);
    write({ theme: 'dark' }, join(folder, 'config.json'));
    using preferences = open({ from: conf({ projectName: 'notes' }) });
    expect(preferences.get('theme')).toBe(process.platform === 'linux' ? 'dark' : 'light');
  });
});

describe('declared for an application', () => {
  it('relative paths start in its own directory', async () => {
    write({ theme: 'dark' });
    const stores = defineStores({ preferences: settings<Preferences>({ defaults, from: electronStore() }) });
    await using t = await testHost({ stores, directory: userData });
    expect(t.host.stores.preferences.get('theme')).toBe('dark');
    expect(await t.page().as<typeof stores>().preferences.get('theme')).toBe('dark');
  });

  it('are refused outside of an application if the path is relative', () => {
    expect(() => open({ from: electronStore() })).toThrow(
      expect.objectContaining({ code: 'BAD_OPTION', message: expect.stringContaining('config.json') }),
    );
  });

  it.each([['config.json'], [{}], [{ format: 'yaml', path: 'x' }], [42], [[{}]]])('are refused as %o', (from) => {
    expect(() => open({ from: from as never })).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }));
  });

  it.each([[() => electronStore('')], [() => lowdb(undefined as never)], [() => electronConf(42 as never)]])(
    'are refused without a path, case %#',
    (make) => {
      expect(make).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }));
    },
  );
});
