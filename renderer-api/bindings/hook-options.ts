import { DiskCacheError } from '../index.ts';

/**
 * Returns the options of a hook, in which a misspelt name would otherwise be ignored.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for an unknown option, and for what is not an object.
 */
export function parseHookOptions<T extends object>(
  hook: string,
  options: T | undefined,
  ...names: readonly (keyof T & string)[]
): Partial<T> {
  if (options === undefined) return {};
  const unknown = Object(options) === options && Object.keys(options).find((name) => !names.includes(name as never));
  if (unknown === undefined) return options;
  throw new DiskCacheError(
    'BAD_OPTION',
    `${hook}: ${unknown === false ? 'the options must be an object' : `unknown option "${unknown}"`}; valid options: ${names.join(', ')}`,
  );
}
