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

  it('refuses an invalid schema', () => {
    const open = (schema: unknown) => () =>
      new Settings<AppSettings>(freshDirectory(), { defaults, schema: schema as never });
    expect(open({ theme: 5 })).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }));
    expect(open('zod')).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }));
  });
});
