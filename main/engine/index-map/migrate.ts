import { formatValue } from '../../../protocol/describe-value.ts';
import { DiskCacheError, getErrorMessage } from '../../../protocol/error.ts';
import { readMetadata, writeMetadata } from '../cache/open-collection.ts';
import { transact } from '../cache/transaction.ts';
import type { Core } from '../state/core.ts';

/** Carries values over from an older version of an application. */
export type Migrate = (from: number) => void;

/** @throws {DiskCacheError} `BAD_OPTION` */
export function assertVersion(version: number): void {
  if (Number.isSafeInteger(version) && version >= 1) return;
  throw new DiskCacheError('BAD_OPTION', `version is ${formatValue(version, "'")}; give a whole number from 1`);
}

/**
 * Brings a store to a version: `migrate` runs once, in one transaction with the new version's mark. Of several processes the
 * first one migrates; the others wait for its transaction, for their `timeout` at most, and find it done.
 *
 * @throws {DiskCacheError} `UNSUPPORTED_VERSION` when the store is newer; `BAD_OPTION` when it is older and there is no
 * `migrate`; when that throws, its code (`BAD_OPTION` for a stranger's error) with the error as the cause. The store is as before.
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
    `${directory} has version ${stored}, this program knows ${wanted}; it stays as it is. Open it with the newer program`,
  );
}

/** Answers what `migrate` answers, so that a promise is refused by the transaction. */
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
