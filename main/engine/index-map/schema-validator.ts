import { isPromise } from 'node:util/types';
import { formatValue, joinPath, truncate } from '../../../protocol/describe-value.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import type { Key } from '../../../protocol/key.ts';
import type { StandardSchema } from '../../../protocol/stores.ts';

import { inspectKey, isRecord } from '../validate.ts';

export type { SchemaIssue, SchemaResult, StandardSchema } from '../../../protocol/stores.ts';

/** A message tells this number of issues, of each this number of characters; all of them are its cause. */
const MAX_TOLD_ISSUES = 5;
const MAX_ISSUE_TEXT = 256;

/**
 * Holds values to a schema: what it makes of a value (a default filled in, a text trimmed) is what is stored, and what is
 * given back. So it has to accept what it has made itself.
 */
export class SchemaValidator {
  readonly #schema: StandardSchema;
  readonly #directory: string;

  /** @throws {DiskCacheError} `BAD_OPTION` for what is no validator. */
  constructor(schema: StandardSchema, directory: string) {
    const standard = Object(Object(schema)['~standard']) as Partial<StandardSchema['~standard']>;
    if (standard.version !== 1 || typeof standard.validate !== 'function') {
      throw new DiskCacheError(
        'BAD_OPTION',
        'schema is no Standard Schema validator (https://standardschema.dev), version 1',
      );
    }
    this.#schema = schema;
    this.#directory = directory;
  }

  /** @throws {DiskCacheError} `BAD_VALUE` with the path of the part that doesn't fit. */
  validateWrite(key: Key, value: unknown): unknown {
    return this.#validate(key, value, 'it was not stored');
  }

  /** @throws {DiskCacheError} `BAD_VALUE` for what was stored before there was this schema. */
  validateRead(key: Key, value: unknown): unknown {
    return this.#validate(key, value, 'it was stored without this schema: set it anew, delete it, or migrate');
  }

  #validate(key: Key, value: unknown, remedy: string): unknown {
    const result: unknown = this.#schema['~standard'].validate(value);
    if (isPromise(result)) {
      // It has been refused already; its own failure would only be reported a second time, as unhandled.
      result.catch(() => {});
      throw new DiskCacheError(
        'BAD_OPTION',
        `The schema of ${this.#directory} answers a promise; give a synchronous one`,
      );
    }
    const { issues, value: accepted } = this.#parseResult(result);
    if (issues === undefined) return accepted;
    const faults = issues.slice(0, MAX_TOLD_ISSUES).map(formatIssue);
    const more = issues.length - faults.length;
    if (more > 0) faults.push(`and ${more} more, see the cause`);
    throw new DiskCacheError(
      'BAD_VALUE',
      `The value of ${inspectKey(key)} in ${this.#directory} does not fit the schema (${faults.join('; ')}); ${remedy}`,
      { cause: issues },
    );
  }

  /** @throws {DiskCacheError} `BAD_OPTION` for what Standard Schema doesn't allow: a validator of one's own may give anything. */
  #parseResult(result: unknown): { readonly issues: readonly unknown[] | undefined; readonly value?: unknown } {
    const { issues, value } = Object(result) as { readonly issues?: unknown; readonly value?: unknown };
    if (Array.isArray(issues) || (isRecord(result) && issues === undefined)) return { issues, value };
    throw new DiskCacheError(
      'BAD_OPTION',
      `The schema of ${this.#directory} returns neither a value nor a list of issues`,
    );
  }
}

function formatIssue(issue: unknown): string {
  const { path, message } = Object(issue) as { readonly path?: unknown; readonly message?: unknown };
  const text = typeof message === 'string' ? message.slice(0, MAX_ISSUE_TEXT) : 'without a message';
  return `${formatPath(Array.isArray(path) ? path : [])}: ${text}`;
}

const formatPath = (path: readonly unknown[]): string =>
  joinPath([
    'value',
    ...path.map((step) => `.${truncate(formatStep(isRecord(step) && 'key' in step ? step.key : step))}`),
  ]);

const formatStep = (step: unknown): string => (typeof step === 'symbol' ? String(step) : formatValue(step));
