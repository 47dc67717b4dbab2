import { isPromise } from 'node:util/types';
import { formatValue, getErrorMessage, joinPath, truncate } from '../../../protocol/describe-value.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import type { Key } from '../../../protocol/key.ts';
import type { StandardSchema } from '../../../protocol/stores.ts';
import { readMetadata, writeMetadata } from '../cache/open.ts';
import { transact } from '../cache/transaction.ts';
import type { Core } from '../state/core.ts';
import { inspectKey, isRecord } from '../validate.ts';

export type { SchemaIssue, SchemaResult, StandardSchema } from '../../../protocol/stores.ts';

/** Migrates data of an older version of an application. */
type Migrate = (from: number) => void;

/** @throws {DiskCacheError} `BAD_OPTION` */
export function assertVersion(version: number): void {
  if (Number.isSafeInteger(version) && version >= 1) return;
  throw new DiskCacheError('BAD_OPTION', `version is ${formatValue(version, "'")}; give a whole number from 1`);
}

/**
 * Migrates a store to a version: `migrate` runs once, in the transaction that stores the new version. If several processes open the
 * store, the first one migrates; the others wait for its transaction, at most for their `timeout`, and find it done.
 *
 * @throws {DiskCacheError} `UNSUPPORTED_VERSION` if the store is newer; `BAD_OPTION` if it is older and there is no `migrate`; if
 * `migrate` throws, its code (`BAD_OPTION` for other errors) with the error as the cause. The store is then unchanged.
 */
export function migrateTo(version: number, core: Core, migrate: Migrate | undefined): void {
  if (readStoredVersion(core, version) === version) return;
  transact(core, () => {
    const from = readStoredVersion(core, version);
    if (from === version) return undefined;
    if (migrate === undefined) {
      throw new DiskCacheError(
        'BAD_OPTION',
        `${core.directory} has version ${from} and is opened as version ${version}; give a function migrate(index, from)`,
      );
    }
    writeMetadata(core, 'version', version);
    return runMigration(migrate, from, version, core.directory);
  });
}

function readStoredVersion({ sql, directory }: Core, wanted: number): number {
  const stored = Number(readMetadata(sql, 'version') ?? 1);
  if (stored <= wanted) return stored;
  throw new DiskCacheError(
    'UNSUPPORTED_VERSION',
    `${directory} has version ${stored}, this program knows ${wanted}; it is unchanged. Open it with the newer program`,
  );
}

/** Returns the result of `migrate`, so that the transaction can refuse a promise. */
function runMigration(migrate: Migrate, from: number, to: number, directory: string): unknown {
  try {
    return migrate(from);
  } catch (cause) {
    throw new DiskCacheError(
      cause instanceof DiskCacheError ? cause.code : 'BAD_OPTION',
      `The migration of ${directory} from version ${from} to ${to} failed and was undone: ${getErrorMessage(cause)}`,
      { cause },
    );
  }
}

/** Issues in a message, and characters of each; the cause has all of them. */
const MAX_REPORTED_ISSUES = 5;
const MAX_ISSUE_CHARACTERS = 256;

/** How messages name what is validated, and what to do about a stored value that doesn't match. */
export interface SchemaSubject {
  readonly title: string;
  readonly root: string;
  readonly remedy: string;
}

/**
 * Validates values against a schema. The schema's output (with defaults filled in, text trimmed) is stored and returned, so it must
 * accept its own output.
 */
export class SchemaValidator {
  readonly #schema: StandardSchema;
  readonly #directory: string;
  readonly #subject: SchemaSubject | undefined;

  /**
   * Without a `subject` it is the value of an entry.
   *
   * @throws {DiskCacheError} `BAD_OPTION` if `schema` is not a Standard Schema validator.
   */
  constructor(schema: StandardSchema, directory: string, subject?: SchemaSubject) {
    const standard = Object(Object(schema)['~standard']) as Partial<StandardSchema['~standard']>;
    if (standard.version !== 1 || typeof standard.validate !== 'function') {
      throw new DiskCacheError(
        'BAD_OPTION',
        `schema${subject ? ` of ${subject.root}` : ''} is not a Standard Schema validator (https://standardschema.dev), version 1; give one, or leave it out`,
      );
    }
    this.#subject = subject;
    this.#schema = schema;
    this.#directory = directory;
  }

  /** Returns the value to store. @throws {DiskCacheError} `BAD_VALUE` with the path of the part that doesn't match. */
  validateWrite(key: Key, value: unknown): unknown {
    return this.#validate(key, value, 'it was not stored');
  }

  /** Returns the value to give back. @throws {DiskCacheError} `BAD_VALUE` for a value that was stored without this schema. */
  validateRead(key: Key, value: unknown): unknown {
    const remedy = this.#subject?.remedy ?? 'set it again, delete it, or migrate';
    return this.#validate(key, value, `it was stored without this schema: ${remedy}`);
  }

  #validate(key: Key, value: unknown, remedy: string): unknown {
    const result: unknown = this.#schema['~standard'].validate(value);
    if (isPromise(result)) {
      // The value is refused anyway; the promise's own rejection would be reported as unhandled.
      result.catch(() => {});
      throw new DiskCacheError(
        'BAD_OPTION',
        `The schema of ${this.#directory} returns a promise; give a synchronous one`,
      );
    }
    const { issues, value: accepted } = this.#parseResult(result);
    if (issues === undefined) return accepted;
    const faults = issues.slice(0, MAX_REPORTED_ISSUES).map((issue) => formatIssue(issue, this.#subject?.root));
    const more = issues.length - faults.length;
    if (more > 0) faults.push(`and ${more} more, see the cause`);
    throw new DiskCacheError(
      'BAD_VALUE',
      `${this.#subject?.title ?? `The value of ${inspectKey(key)}`} in ${this.#directory} does not match the schema (${faults.join('; ')}); ${remedy}`,
      { cause: issues },
    );
  }

  /** @throws {DiskCacheError} `BAD_OPTION` for a result that Standard Schema doesn't allow: a hand-written validator may return anything. */
  #parseResult(result: unknown): { readonly issues: readonly unknown[] | undefined; readonly value?: unknown } {
    const { issues, value } = Object(result) as { readonly issues?: unknown; readonly value?: unknown };
    if (Array.isArray(issues) || (isRecord(result) && issues === undefined)) return { issues, value };
    throw new DiskCacheError(
      'BAD_OPTION',
      `The schema of ${this.#directory} returns neither a value nor a list of issues`,
    );
  }
}

function formatIssue(issue: unknown, root = 'value'): string {
  const { path, message } = Object(issue) as { readonly path?: unknown; readonly message?: unknown };
  const text = typeof message === 'string' ? message.slice(0, MAX_ISSUE_CHARACTERS) : 'without a message';
  return `${formatPath(root, Array.isArray(path) ? path : [])}: ${text}`;
}

const formatPath = (root: string, path: readonly unknown[]): string =>
  joinPath([
    root,
    ...path.map((step) => `.${truncate(formatStep(isRecord(step) && 'key' in step ? step.key : step))}`),
  ]);

const formatStep = (step: unknown): string => (typeof step === 'symbol' ? String(step) : formatValue(step));
