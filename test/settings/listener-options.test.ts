import { expect, it, vi } from 'vitest';
import { Settings } from '../../main/engine/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';

it.each([
  [{ key: 'theme', values: true }, /unknown option "key"; this call has no options/],
  [{ onError: console.error }, /unknown option "onError"/],
  [null, /must be an object/],
])('listeners of settings take no options, because they would be ignored: %j', (options, message) => {
  using settings = new Settings(freshDirectory(), { defaults: { theme: 'light' } });
  const listener = vi.fn();
  const calls: readonly ((given: unknown) => unknown)[] = [
    (given) => Reflect.apply(settings.onChange, settings, ['theme', listener, given]),
    (given) => Reflect.apply(settings.onAnyChange, settings, [listener, given]),
    (given) => Reflect.apply(settings.subscribe, settings, [listener, given]),
  ];
  for (const listen of calls) {
    expect(() => listen(options)).toThrow(
      expect.objectContaining({ code: 'BAD_OPTION', message: expect.stringMatching(message) }),
    );
    expect(listen({})).toBeTypeOf('function');
  }
});
