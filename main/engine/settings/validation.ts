import { truncate } from '../../../protocol/describe-value.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import { formatSettingsPath, getMember } from '../../../protocol/settings-path.ts';
import type { StandardSchema } from '../../../protocol/stores.ts';
import { type SchemaSubject, SchemaValidator } from '../index-map/schema.ts';
import { emitWarning, isRecord } from '../validate.ts';
import { isEqual } from '../values/equality.ts';
import {
  getSetting,
  getStored,
  hasMembers,
  isSet,
  type Members,
  type StoredMember,
  withoutEmptyMembers,
} from './stored-member.ts';

type SchemaByMember = Readonly<Record<string, StandardSchema>>;

/** A schema of all settings together, or one for each top-level member. */
export type SettingsSchema = StandardSchema | SchemaByMember;

export interface SettingsValidator {
  /** Whether a member can only be validated together with all others. */
  readonly needsAll: boolean;
  /**
   * Validates the top-level members `names`, for a read or a write. Returns all settings, with the schema's output for these members.
   *
   * @throws {DiskCacheError} `BAD_VALUE`
   */
  validate(purpose: 'read' | 'write', settings: Members, names: readonly string[]): Members;
}

/**
 * Returns the validator of a schema. A validator of a member that looks like a misspelt one of the defaults is reported as a process warning: it
 * can't be refused, because not every setting has a default.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for anything that isn't a schema.
 */
export function createValidator(schema: SettingsSchema, directory: string, defaults: object): SettingsValidator {
  if (!isRecord(schema) && typeof schema !== 'function') {
    throw new DiskCacheError('BAD_OPTION', 'schema must be a Standard Schema validator, or an object of them');
  }
  if ('~standard' in schema) return createWholeValidator(new SchemaValidator(schema as StandardSchema, directory, ALL));
  warnAboutMisspeltMembers(Object.keys(schema), Object.keys(defaults));
  return createMemberValidator(
    new Map(
      Object.entries(schema as SchemaByMember).map(([name, one]) => [
        name,
        new SchemaValidator(one, directory, toSubject(name)),
      ]),
    ),
  );
}

function warnAboutMisspeltMembers(names: readonly string[], defaults: readonly string[]): void {
  const unvalidated = defaults.filter((name) => !names.includes(name));
  for (const name of names) {
    if (defaults.includes(name)) continue;
    const meant = unvalidated.find((known) => isMisspelt(name, known));
    if (meant === undefined) continue;
    emitWarning(
      `schema validates "${truncate(name)}", which has no default, and not "${truncate(meant)}"; is the name misspelt?`,
      { code: 'BAD_OPTION' },
    );
  }
}

/** Returns whether two names differ by case only, or by one letter that is missing, added, another one, or swapped with the next one. */
function isMisspelt(name: string, meant: string): boolean {
  const [one, other] = [name.toLowerCase(), meant.toLowerCase()];
  if (one === other) return true;
  let at = 0;
  while (at < one.length && one[at] === other[at]) at++;
  const [rest, wanted] = [one.slice(at), other.slice(at)];
  return (
    rest.slice(1) === wanted ||
    rest === wanted.slice(1) ||
    (rest.slice(1) === wanted.slice(1) && !/\d/.test(rest.charAt(0))) ||
    (rest.slice(2) === wanted.slice(2) && rest[0] === wanted[1] && rest[1] === wanted[0])
  );
}

const ALL: SchemaSubject = {
  title: 'The object of all settings',
  root: 'settings',
  remedy: 'set or reset what does not match, or migrate',
};

const toSubject = (name: string): SchemaSubject => ({
  title: `The setting ${formatSettingsPath([name])}`,
  root: truncate(name),
  remedy: `reset(${formatSettingsPath([name])}), set it again, or migrate`,
});

const createWholeValidator = (validator: SchemaValidator): SettingsValidator => ({
  needsAll: true,
  validate(purpose, settings) {
    const valid = validateFor(purpose, validator, 'settings', settings);
    if (hasMembers(valid)) return valid;
    throw new DiskCacheError('BAD_OPTION', 'The schema of the settings must return an object');
  },
});

const createMemberValidator = (validators: ReadonlyMap<string, SchemaValidator>): SettingsValidator => ({
  needsAll: false,
  validate(purpose, settings, names) {
    const valid = names.map((name) => {
      const validator = validators.get(name);
      const value = getMember(settings, name);
      return [name, validator ? validateFor(purpose, validator, name, value) : value];
    });
    return Object.fromEntries([...Object.entries(settings), ...valid]);
  },
});

const validateFor = (purpose: 'read' | 'write', validator: SchemaValidator, name: string, value: unknown): unknown =>
  purpose === 'read' ? validator.validateRead(name, value) : validator.validateWrite(name, value);

/**
 * Returns what to store of a member that the schema has made `valid` of. What was not set stays so, unless the schema changes it. `paths` are
 * those that were set in this member.
 *
 * @throws {DiskCacheError} `BAD_VALUE` if the schema leaves out what was set: it would never be returned.
 */
export function acceptValid(
  name: string,
  stored: StoredMember | undefined,
  fallback: unknown,
  valid: unknown,
  paths: readonly (readonly string[])[] = [[]],
): StoredMember | undefined {
  for (const path of paths) {
    const isLeftOut = path.reduce(getMember, valid) === undefined;
    if (isLeftOut && isSet(stored, path) && getSetting(stored, fallback, path) !== undefined)
      throw new DiskCacheError('BAD_VALUE', formatLeftOut([name, ...path]));
  }
  return withoutEmptyMembers(acceptPart(stored, fallback, valid));
}

const formatLeftOut = (path: readonly string[]): string =>
  `The schema of the settings leaves out ${formatSettingsPath(path)}, so it was not stored; add it to the schema`;

/** Yields the paths of members that the schema leaves out, with the reason; not of those in arrays, nor of what it makes something else of. */
export function* findLeftOut(
  stored: StoredMember | undefined,
  valid: unknown,
  path: readonly string[],
): Generator<readonly [path: string, reason: string]> {
  if (valid === undefined) yield [path.join('.'), formatLeftOut(path)];
  else if (stored !== undefined && 'members' in stored)
    for (const [name, member] of Object.entries(stored.members))
      yield* findLeftOut(member, getMember(valid, name), [...path, name]);
  else if (stored !== undefined && hasMembers(stored.value) && hasMembers(valid))
    for (const [name, value] of Object.entries(stored.value))
      if (value !== undefined) yield* findLeftOut({ value }, getMember(valid, name), [...path, name]);
}

function acceptPart(stored: StoredMember | undefined, fallback: unknown, valid: unknown): StoredMember | undefined {
  if (valid === undefined || isEqual(valid, getSetting(stored, fallback, []))) return stored;
  const isWhole = stored === undefined || 'value' in stored || !hasMembers(valid);
  // A default that the schema leaves out can only be left out of the whole object.
  if (isWhole || Object.keys(Object(fallback)).some((name) => getMember(valid, name) === undefined)) {
    return { value: valid };
  }
  const members = Object.entries(valid).flatMap(([name, part]) => {
    const accepted = acceptPart(getStored(stored.members, name), getMember(fallback, name), part);
    return accepted === undefined ? [] : [[name, accepted] as const];
  });
  return { members: Object.fromEntries(members) };
}

/** Returns whether an error says that a value doesn't fit the schema. */
export const isInvalid = (error: unknown): error is DiskCacheError =>
  error instanceof DiskCacheError && error.code === 'BAD_VALUE';
