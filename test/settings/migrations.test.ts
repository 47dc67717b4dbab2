import { describe, expect, it, vi } from 'vitest';
import { Index, Settings, type SettingsMigrations, type SettingsVersion } from '../../main/engine/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';

const defaults = { theme: 'light', size: 13 };

function openWith(directory: string, version?: SettingsVersion, migrations?: SettingsMigrations) {
  return new Settings<Record<string, unknown>>(directory, {
    defaults,
    ...(version !== undefined && { version }),
    ...(migrations && { migrations }),
  });
}

describe('migrations of settings', () => {
  it('run those that are due, once, in order, and see only what was set', () => {
    const directory = freshDirectory();
    using old = openWith(directory, 1);
    old.set('colour', 'dark');
    old.close();
    const steps: [SettingsVersion, SettingsVersion][] = [];
    const migrations: SettingsMigrations = {
      10: (_, from) => void steps.push([10, from]),
      2: (settings, from) => {
        steps.push([2, from]);
        expect(settings.has('theme')).toBe(false);
        settings.set('theme', settings.get('colour'));
        settings.delete('colour');
      },
    };
    using settings = openWith(directory, undefined, migrations);
    expect(steps).toEqual([
      [2, 1],
      [10, 2],
    ]);
    expect(settings.get('theme')).toBe('dark');
    expect(settings.get('colour')).toBeUndefined();
    settings.close();
    openWith(directory, undefined, migrations).close();
    expect(steps).toHaveLength(2);
  });

  it('do not run for new settings', () => {
    const migrate = vi.fn();
    openWith(freshDirectory(), undefined, { 2: migrate }).close();
    expect(migrate).not.toHaveBeenCalled();
  });

  it('change nothing if one of them throws, and name both versions', () => {
    const directory = freshDirectory();
    using old = openWith(directory, 1);
    old.set('theme', 'dark');
    old.close();
    const fail = () => {
      throw new Error('broken');
    };
    expect(() => openWith(directory, undefined, { 2: (settings) => settings.set('theme', 'x'), 3: fail })).toThrow(
      /from version 2 to 3 failed and was undone: broken/,
    );
    using again = openWith(directory, 1);
    expect(again.get('theme')).toBe('dark');
  });

  it('refuse a promise', () => {
    const directory = freshDirectory();
    openWith(directory, 1).close();
    // @ts-expect-error: a promise settles after the step
    expect(() => openWith(directory, undefined, { 2: async () => {} })).toThrow(/returned a promise/);
  });

  it('refuse to open settings of a newer whole number', () => {
    const directory = freshDirectory();
    openWith(directory, 3).close();
    expect(() => openWith(directory, 2)).toThrow(expect.objectContaining({ code: 'UNSUPPORTED_VERSION' }));
    openWith(directory, 3).close();
  });

  it('go by semantic versions: a prerelease comes before its release', () => {
    const directory = freshDirectory();
    const steps: string[] = [];
    const migrations: SettingsMigrations = {
      '2.0.0': () => void steps.push('2.0.0'),
      '2.0.0-beta.1': () => void steps.push('2.0.0-beta.1'),
      '1.10.0': () => void steps.push('1.10.0'),
      '3.0.0': () => void steps.push('3.0.0'),
    };
    openWith(directory, '1.9.0', migrations).close();
    expect(steps).toEqual([]);
    openWith(directory, '2.0.0-beta.2', migrations).close();
    expect(steps).toEqual(['1.10.0', '2.0.0-beta.1']);
    openWith(directory, '2.1.0', migrations).close();
    expect(steps).toEqual(['1.10.0', '2.0.0-beta.1', '2.0.0']);
  });

  it('open settings of a newer release as they are, and do not repeat its steps after the next update', () => {
    const directory = freshDirectory();
    const migrate = vi.fn();
    openWith(directory, '1.0.0').close();
    openWith(directory, '2.0.0', { '2.0.0': migrate }).close();
    using older = openWith(directory, '1.5.0');
    older.set('theme', 'dark');
    older.close();
    using settings = openWith(directory, '2.0.0', { '2.0.0': migrate });
    expect(migrate).toHaveBeenCalledOnce();
    expect(settings.get('theme')).toBe('dark');
  });

  it.each([[0], [1.5], ['latest'], [null]])('refuse the version %j', (version) => {
    expect(() => openWith(freshDirectory(), version as never)).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }));
  });

  it('refuse versions of both kinds', () => {
    const nothing = () => {};
    expect(() => openWith(freshDirectory(), 2, { '2.0.0': nothing })).toThrow(/not both/);
    const directory = freshDirectory();
    openWith(directory, '1.0.0').close();
    expect(() => openWith(directory, 2)).toThrow(/keep to one kind of versions/);
  });
});

describe('versions that an application gives later', () => {
  const steps = () => {
    const run: [string, SettingsVersion][] = [];
    const step = (to: string) => (_: unknown, from: SettingsVersion) => void run.push([to, from]);
    return { run, migrations: { '2.0.0': step('2.0.0'), '1.5.0': step('1.5.0'), '3.0.0': step('3.0.0') } };
  };

  it('run all steps up to its own over settings of before it had any', () => {
    const directory = freshDirectory();
    openWith(directory).close();
    const { run, migrations } = steps();
    openWith(directory, '2.1.0', migrations).close();
    expect(run).toEqual([
      ['1.5.0', 1],
      ['2.0.0', '1.5.0'],
    ]);
    openWith(directory, '2.1.0', migrations).close();
    expect(run).toHaveLength(2);
  });

  it('stay stored when a program of before that opens the settings', () => {
    const directory = freshDirectory();
    openWith(directory, '2.0.0').close();
    using older = openWith(directory);
    older.set('theme', 'dark');
    older.close();
    const { run, migrations } = steps();
    openWith(directory, '2.0.0', migrations).close();
    expect(run).toEqual([]);
  });
});

describe('a migration', () => {
  const migrateWith = (step: SettingsMigrations[string]) => {
    const directory = freshDirectory();
    openWith(directory).close();
    return { directory, open: () => openWith(directory, undefined, { 2: step }) };
  };

  it('that is a generator is refused: nothing of it would run', () => {
    const { open } = migrateWith(function* () {} as never);
    expect(open).toThrow(/returned a generator and was undone/);
  });

  it('can not set undefined, and names the setting that it can not set', () => {
    expect(migrateWith((settings) => settings.set('theme', undefined)).open).toThrow(
      /"theme" can't be set to undefined; use delete/,
    );
    expect(migrateWith((settings) => settings.set('a.b', { c: () => 1 })).open).toThrow(
      /The setting "a\.b" can't be set: value\.c is a function/,
    );
  });

  it('can not read or change anything after it has returned', () => {
    let kept: Parameters<SettingsMigrations[string]>[0] | undefined;
    const { open } = migrateWith((settings) => {
      kept = settings;
    });
    using settings = open();
    expect(() => kept?.set('theme', 'dark')).toThrow(expect.objectContaining({ code: 'CLOSED' }));
    expect(() => kept?.names()).toThrow(/migration of settings has ended/);
    expect(settings.has('theme')).toBe(false);
  });

  it('that was fixed runs from the start again', () => {
    const { directory, open } = migrateWith((settings) => {
      settings.set('theme', `${settings.get('theme') ?? ''}+`);
      throw new TypeError('oops');
    });
    expect(open).toThrow(/oops/);
    using fixed = openWith(directory, undefined, {
      2: (settings) => settings.set('theme', `${settings.get('theme') ?? ''}+`),
    });
    expect(fixed.get('theme')).toBe('+');
  });
});

describe('settings that are opened with readOnly', () => {
  const readOnly = (directory: string, version?: SettingsVersion, migrations?: SettingsMigrations) =>
    new Settings<Record<string, unknown>>(directory, {
      defaults,
      readOnly: true,
      ...(version !== undefined && { version }),
      ...(migrations && { migrations }),
    });

  it('can be read where no migration is due, whatever their version', () => {
    const directory = freshDirectory();
    openWith(directory, '1.0.0').close();
    using settings = readOnly(directory, '1.1.0');
    expect(settings.get('theme')).toBe('light');
    const empty = freshDirectory();
    new Index(empty).close();
    using none = readOnly(empty);
    expect(none.all()).toEqual(defaults);
  });

  it('say which migration is due', () => {
    const directory = freshDirectory();
    openWith(directory).close();
    expect(() => readOnly(directory, undefined, { 2: () => {} })).toThrow(
      /have version 1 and must be migrated to 2; open them without readOnly first/,
    );
  });
});

it('an empty version is named as what is wrong', () => {
  expect(() => openWith(freshDirectory(), '', { '1.0.0': () => {} })).toThrow(/^version is ''/);
});
