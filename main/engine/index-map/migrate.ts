import { formatValue } from '../../../protocol/describe-value.ts';
import { DiskCacheError, getErrorMessage } from '../../../protocol/error.ts';
import { readMetadata } from '../cache/open-collection.ts';
import { transact } from '../cache/transaction.ts';
import type { Core } from '../state/core.ts';

/** Migrates data of an older version of an application. */
export type Migrate = (from: number) => void;

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
    core.sql.keepSetting.run('version', version);
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
