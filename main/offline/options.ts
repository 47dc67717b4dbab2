import { formatValue, truncate } from '../../protocol/describe-value.ts';
import { DiskCacheError } from '../engine/index.ts';

/** What an option has to be, and how a message says so. An option that is left out is not looked at. */
export interface Rule {
  readonly is: string;
  accepts(value: unknown): boolean;
}

/** A name that is added to the type and forgotten in its rules does not compile. */
export type OptionRules<T> = { readonly [N in keyof Required<T>]: Rule };

const isText = (value: unknown): boolean => typeof value === 'string';

export const FUNCTION: Rule = { is: 'a function', accepts: (value) => typeof value === 'function' };
export const FLAG: Rule = { is: 'true or false', accepts: (value) => typeof value === 'boolean' };
export const TEXT: Rule = { is: 'a string', accepts: isText };
export const TEXTS: Rule = {
  is: 'an array of strings',
  accepts: (value) => Array.isArray(value) && value.every(isText),
};
export const SIGNAL: Rule = { is: 'an AbortSignal', accepts: (value) => value instanceof AbortSignal };
/** Whoever takes it looks at it more closely, and has a better message. */
export const LOOKED_AT_LATER: Rule = { is: '', accepts: () => true };

/** An object with these methods, such as an instance of a class of this package. */
export const withMethods = (is: string, ...methods: readonly string[]): Rule => ({
  is,
  accepts: (value) =>
    typeof value === 'object' &&
    methods.every((name) => typeof (value as Record<string, unknown> | null)?.[name] === 'function'),
});

/**
 * Applications are written in plain JavaScript, too, where a misspelt option would be one that was left out. `by` is who takes them.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for a name that is not in the rules, with those that are, and for a value of another kind.
 */
export function parseOptions<T extends object>(by: string, options: T | undefined, rules: OptionRules<T>): T {
  const names = Object.keys(rules) as (keyof T & string)[];
  if (typeof options !== 'object' || options === null) {
    throw new DiskCacheError('BAD_OPTION', `${by} takes an object of options; there are ${names.join(', ')}`);
  }
  for (const name of Object.keys(options)) {
    if (Object.hasOwn(rules, name)) continue;
    const hint = `there are ${names.join(', ')}`;
    throw new DiskCacheError('BAD_OPTION', `${by}: "${truncate(name)}" is no option here; ${hint}`);
  }
  for (const name of names) {
    const value: unknown = options[name];
    if (value === undefined || rules[name].accepts(value)) continue;
    throw new DiskCacheError('BAD_OPTION', `${by}: ${name} is ${formatValue(value, "'")}; give ${rules[name].is}`);
  }
  return options;
}
