import { joinPath, truncate } from '../../../protocol/describe-value.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import type { Key } from '../../../protocol/key.ts';
import type { SchemaIssue, StandardSchema } from '../../../protocol/stores.ts';

import { inspectKey } from '../validate.ts';

export type { SchemaIssue, SchemaResult, StandardSchema } from '../../../protocol/stores.ts';

/** Issues in a message, and characters of each; the cause has all of them. */
const MAX_TOLD_ISSUES = 5;
const MAX_ISSUE_TEXT = 256;

/**
 * Validates values against a schema. The schema's output (with defaults filled in, text trimmed) is stored and returned, so it must
 * accept its own output.
 */
export class SchemaValidator {
  readonly #schema: StandardSchema;
  readonly #directory: string;

  /** @throws {DiskCacheError} `BAD_OPTION` if `schema` is not a Standard Schema validator. */
  constructor(schema: StandardSchema, directory: string) {
    const standard = Object(Object(schema)['~standard']) as Partial<StandardSchema['~standard']>;
    if (standard.version !== 1 || typeof standard.validate !== 'function') {
      throw new DiskCacheError(
        'BAD_OPTION',
        'schema is not a Standard Schema validator (https://standardschema.dev), version 1; give one, or leave it out',
      );
    }
    this.#schema = schema;
    this.#directory = directory;
  }

  /** Returns the value to store. @throws {DiskCacheError} `BAD_VALUE` with the path of the part that doesn't match. */
  validateWrite(key: Key, value: unknown): unknown {
    return this.#validate(key, value, 'it was not stored');
  }

  /** Returns the value to give back. @throws {DiskCacheError} `BAD_VALUE` for a value that was stored without this schema. */
  validateRead(key: Key, value: unknown): unknown {
    return this.#validate(key, value, 'it was stored without this schema: set it again, delete it, or migrate');
  }

  #validate(key: Key, value: unknown, remedy: string): unknown {
    const result = this.#schema['~standard'].validate(value);
    if (result instanceof Promise) {
      // The value is refused anyway; the promise's own rejection would be reported as unhandled.
      result.catch(() => {});
      throw new DiskCacheError(
        'BAD_OPTION',
        `The schema of ${this.#directory} returns a promise; give a synchronous one`,
      );
    }
    if (result.issues === undefined) return result.value;
    const faults = result.issues
      .slice(0, MAX_TOLD_ISSUES)
      .map(({ path = [], message }) => `${formatPath(path)}: ${message.slice(0, MAX_ISSUE_TEXT)}`);
    const more = result.issues.length - faults.length;
    if (more > 0) faults.push(`and ${more} more, see the cause`);
    throw new DiskCacheError(
      'BAD_VALUE',
      `The value of ${inspectKey(key)} in ${this.#directory} does not match the schema (${faults.join('; ')}); ${remedy}`,
      { cause: result.issues },
    );
  }
}

const formatPath = (path: NonNullable<SchemaIssue['path']>): string =>
  joinPath(['value', ...path.map((step) => `.${truncate(String(typeof step === 'object' ? step.key : step))}`)]);
