import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Settings, type SettingsOptions } from '../../main/engine/index.ts';
import { conf, electronStore } from '../../protocol/move-source.ts';
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

describe('what a file has that settings can not have', () => {
  const deep = `${'['.repeat(3000)}${']'.repeat(3000)}`;
  const deepObject = `${'{"a":'.repeat(3000)}1${'}'.repeat(3000)}`;

  it.each([
    ['arrays that are nested too deep', `"bad": ${deep}`],
    ['objects that are nested too deep', `"bad": ${deepObject}`],
    ['half of a character as a name', '"\\ud800": 1'],
    ['a very long name', `"${'x'.repeat(70_000)}": 1`],
  ])('%s: it is listed, and the others are moved', (_, member) => {
    write(`{"theme": "dark", ${member}}`);
    using preferences = open();
    expect(preferences.all()).toEqual({ ...defaults, theme: 'dark' });
    expect(getWarnings()).toEqual([
      expect.stringMatching(/^1 of the values in .* were not moved and remain in the file only: /),
    ]);
  });

  it('is listed if the schema leaves it out, and not stored as nothing', () => {
    write({ theme: 'dark', extra: 1, editor: { junk: 1, fontSize: 20 } });
    const schema: StandardSchema<never> = {
      '~standard': {
        version: 1,
        validate: (all) => {
          const { theme, recent, editor } = all as Preferences;
          return { value: { theme, recent, editor: { fontSize: editor.fontSize, font: editor.font } } as never };
        },
      },
    };
    using preferences = open({ schema });
    expect(preferences.all()).toEqual({ theme: 'dark', editor: { fontSize: 20, font: 'Iosevka' }, recent: [] });
    expect([preferences.has(['extra']), preferences.has('editor.font')]).toEqual([false, false]);
    expect(getWarnings()).toEqual([
      expect.stringMatching(
        /^2 of the values .*"extra": The schema of the settings leaves out "extra".*"editor\.junk": The schema of the settings leaves out "editor\.junk"/,
      ),
    ]);
  });

  it('is listed if the schema leaves it out of an object that has no default, at any depth', () => {
    write({ account: { name: 'Ada', token: 'x', home: { city: 'London', zip: 1 } } });
    const account: StandardSchema = {
      '~standard': {
        version: 1,
        validate: (value) => {
          const { name, home } = value as { name: string; home: { city: string } };
          return { value: { name, home: { city: home.city } } };
        },
      },
    };
    using preferences = open({ schema: { account } as never });
    expect(preferences.get(['account'])).toEqual({ name: 'Ada', home: { city: 'London' } });
    expect(getWarnings()).toEqual([
      expect.stringMatching(/^2 of the values .*"account\.token": .*"account\.home\.zip": /),
    ]);
  });

  it('is no member that objects inherit', () => {
    using before = open({ from: [] });
    before.set('editor.fontSize', 99);
    before.close();
    write({ editor: { constructor: 5, toString: 6, font: 'Fira' } });
    using preferences = open();
    expect(preferences.get('editor')).toEqual({ fontSize: 99, font: 'Fira', constructor: 5, toString: 6 });
  });
});

describe('options of a source', () => {
  it.each([
    [
      electronStore('c.json', { encryptionkey: 'k' } as never),
      /electronStore\(…\): unknown option "encryptionkey"; valid options: encryptionKey/,
    ],
    [electronStore('c.json', { projectName: 'x' } as never), /unknown option "projectName"/],
    [electronStore('c.json', { encryptionKey: 5 } as never), /encryptionKey must be a text or a Uint8Array/],
    [
      conf({ encryptionKey: 'k', encryptionAlgorithm: 'aes' } as never),
      /encryptionAlgorithm is 'aes'; it can be one of aes-256-cbc/,
    ],
    [conf({ projectName: 5 } as never), /projectName is 5; give a text/],
  ])('are refused where the store is opened if they are wrong: %j', (from, message) => {
    expect(() => open({ from })).toThrow(message);
  });
});
