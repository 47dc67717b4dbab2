import { describe, expect, it, vi } from 'vitest';
import { Settings, type SettingsMigrations, type SettingsVersion } from '../../main/engine/index.ts';
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
