import { DiskCacheError } from '../../../protocol/error.ts';
import type { StandardSchema } from '../../../protocol/stores.ts';
import { SchemaValidator } from '../index-map/schema.ts';
import { isRecord } from '../validate.ts';
import { hasMembers, type Members } from './stored-member.ts';

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

/** Returns the validator of a schema. @throws {DiskCacheError} `BAD_OPTION` for anything that isn't a schema. */
export function createValidator(schema: SettingsSchema, directory: string): SettingsValidator {
  if (!isRecord(schema) && typeof schema !== 'function') {
    throw new DiskCacheError('BAD_OPTION', 'schema must be a Standard Schema validator, or an object of them');
  }
  if ('~standard' in schema) return createWholeValidator(new SchemaValidator(schema as StandardSchema, directory));
  return createMemberValidator(
    new Map(Object.entries(schema as SchemaByMember).map(([name, one]) => [name, new SchemaValidator(one, directory)])),
  );
}

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
      return [name, validator ? validateFor(purpose, validator, name, settings[name]) : settings[name]];
    });
    return Object.fromEntries([...Object.entries(settings), ...valid]);
  },
});

const validateFor = (purpose: 'read' | 'write', validator: SchemaValidator, name: string, value: unknown): unknown =>
  purpose === 'read' ? validator.validateRead(name, value) : validator.validateWrite(name, value);
