import { formatValue } from '../../protocol/describe-value.ts';
import { DiskCacheError } from '../engine/index.ts';
import { createUnknownOptionError } from '../engine/internal.ts';

/** What an option must be: a check, and its description for messages. An omitted option is not checked. */
export interface Rule {
  readonly is: string;
  accepts(value: unknown): boolean;
}

/** The rules of all options of `T`; a missing one does not compile. */
export type OptionRules<T> = { readonly [N in keyof Required<T>]: Rule };

const isText = (value: unknown): boolean => typeof value === 'string';

export const FUNCTION: Rule = { is: 'a function', accepts: (value) => typeof value === 'function' };
export const FLAG: Rule = { is: 'true or false', accepts: (value) => typeof value === 'boolean' };
export const POSITIVE_MS: Rule = {
  is: 'a number of milliseconds above 0',
  accepts: (value) => typeof value === 'number' && value > 0 && Number.isFinite(value),
};
export const TEXT: Rule = { is: 'a string', accepts: isText };
export const TEXTS: Rule = {
  is: 'an array of strings',
  accepts: (value) => Array.isArray(value) && value.every(isText),
};
export const SIGNAL: Rule = { is: 'an AbortSignal', accepts: (value) => value instanceof AbortSignal };
/** For an option that is checked where it is used, with a better message. */
export const CHECKED_LATER: Rule = { is: '', accepts: () => true };

/** Accepts an object with these methods, such as an instance of a class of this package. */
export const withMethods = (is: string, ...methods: readonly string[]): Rule => ({
  is,
  accepts: (value) =>
    typeof value === 'object' &&
    methods.every((name) => typeof (value as Record<string, unknown> | null)?.[name] === 'function'),
});

/**
 * Checks options at run time, because in plain JavaScript a misspelt option would count as omitted. Messages begin with `by`.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for an unknown name and for an invalid value.
 */
export function parseOptions<T extends object>(by: string, options: T | undefined, rules: OptionRules<T>): T {
  const names = Object.keys(rules) as (keyof T & string)[];
  if (typeof options !== 'object' || options === null) {
    throw new DiskCacheError('BAD_OPTION', `${by} takes an object of options; valid options: ${names.join(', ')}`);
  }
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(rules, name)) throw createUnknownOptionError(name, names, `${by}: `);
  }
  for (const name of names) {
    const value: unknown = options[name];
    if (value === undefined || rules[name].accepts(value)) continue;
    throw new DiskCacheError('BAD_OPTION', `${by}: ${name} is ${formatValue(value, "'")}; give ${rules[name].is}`);
  }
  return options;
}
