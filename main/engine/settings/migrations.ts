import semver from 'semver';
import { formatValue, getErrorMessage } from '../../../protocol/describe-value.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import type { SettingsMigrations, SettingsVersion, StoredSettings } from '../../../protocol/stores.ts';
import { isGenerator } from '../cache/transaction.ts';
import { isRecord, isThenable } from '../validate.ts';

/** The order of one kind of versions. */
interface VersionOrder {
  compare(one: SettingsVersion, other: SettingsVersion): number;
  parse(version: unknown, label: string): SettingsVersion;
  /** Whether an older program may open what a newer one has written. */
  readonly allowsDowngrade: boolean;
}

const WHOLE_NUMBERS: VersionOrder = {
  compare: (one, other) => Number(one) - Number(other),
  parse(version, label) {
    const number = typeof version === 'string' && /^\d+$/.test(version) ? Number(version) : version;
    if (Number.isSafeInteger(number) && (number as number) >= 1) return number as number;
    throw badVersion(version, label);
  },
  allowsDowngrade: false,
};

/** Prereleases come before their release: https://semver.org, section 11. */
const SEMANTIC_VERSIONS: VersionOrder = {
  compare: (one, other) => semver.compare(String(one), String(other)),
  parse(version, label) {
    const valid = typeof version === 'string' ? semver.valid(version) : null;
    if (valid !== null) return valid;
    throw badVersion(version, label);
  },
  allowsDowngrade: true,
};

const badVersion = (version: unknown, label: string) =>
  new DiskCacheError(
    'BAD_OPTION',
    `${label} is ${formatValue(version, "'")}; give whole numbers from 1, or semantic versions such as '2.0.0', not both`,
  );

/** The migrations that an application declares, and the version they lead to. */
export interface MigrationPlan {
  readonly version: SettingsVersion;
  /** Whether the program gives a version or migrations. One that gives neither opens settings of any semantic version. */
  readonly isVersioned: boolean;
  /**
   * Returns the steps that are due for a stored version, in ascending order. `isNewer`: the stored version is newer than this program's, and
   * stays.
   *
   * @throws {DiskCacheError} `UNSUPPORTED_VERSION` if the stored version is a newer whole number; `BAD_OPTION` if one version is a whole number
   * and the other a semantic version.
   */
  getSteps(
    stored: SettingsVersion,
    directory: string,
  ): { readonly steps: readonly MigrationStep[]; readonly isNewer: boolean };
}

export interface MigrationStep {
  readonly to: SettingsVersion;
  readonly migrate: (settings: StoredSettings, from: SettingsVersion) => void;
}

/**
 * Checks the options `version` and `migrations`. The default of `version` is the highest one that a migration leads to, or 1.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for an invalid version or migration.
 */
export function planMigrations(
  version: SettingsVersion | undefined,
  migrations: SettingsMigrations = {},
): MigrationPlan {
  if (!isRecord(migrations)) {
    throw new DiskCacheError('BAD_OPTION', 'migrations must be an object such as { 2: (settings) => … }');
  }
  const names = Object.keys(migrations);
  const sample = version ?? names[0] ?? 1;
  const order = typeof sample === 'string' && semver.valid(sample) !== null ? SEMANTIC_VERSIONS : WHOLE_NUMBERS;
  const given = version === undefined ? undefined : order.parse(version, 'version');
  const isVersioned = given !== undefined || names.length > 0;
  const steps = names
    .map((name) => ({ to: order.parse(name, 'A version in migrations'), migrate: migrations[name]! }))
    .sort((one, other) => order.compare(one.to, other.to));
  for (const { to, migrate } of steps) {
    if (typeof migrate === 'function') continue;
    throw new DiskCacheError('BAD_OPTION', `The migration to version ${to} must be a function`);
  }
  const wanted = given ?? steps.at(-1)?.to ?? 1;
  return {
    version: wanted,
    isVersioned,
    getSteps(stored, directory) {
      // A program of before the application had versions.
      if (!isVersioned && typeof stored === 'string') return { steps: [], isNewer: true };
      const from = parseStored(order, stored, wanted, directory);
      const isNewer = order.compare(from, wanted) > 0;
      if (isNewer && !order.allowsDowngrade) {
        throw new DiskCacheError(
          'UNSUPPORTED_VERSION',
          `The settings in ${directory} have version ${from}, and this program knows ${wanted}; nothing was changed. Open them with the newer program`,
        );
      }
      return {
        isNewer,
        steps: steps.filter(({ to }) => order.compare(to, from) > 0 && order.compare(to, wanted) <= 0),
      };
    },
  };
}

/**
 * Converts a stored version. Settings that come from elsewhere have version 0, and those from before the application had versions 1; both
 * are older than every semantic version.
 */
function parseStored(
  order: VersionOrder,
  stored: SettingsVersion,
  wanted: SettingsVersion,
  directory: string,
): SettingsVersion {
  if (order === SEMANTIC_VERSIONS && (stored === 0 || stored === 1)) return '0.0.0-0';
  if (stored === 0) return 0;
  try {
    return order.parse(stored, '');
  } catch {
    throw new DiskCacheError(
      'BAD_OPTION',
      `The settings in ${directory} have version ${stored}, which can't be compared with version ${wanted}; keep to one kind of versions`,
    );
  }
}

/**
 * Runs one step.
 *
 * @throws {DiskCacheError} what the step throws, as the cause, with its code or `BAD_OPTION`; `BAD_OPTION` if it returns a promise.
 */
export function runStep({ to, migrate }: MigrationStep, stored: StoredSettings, from: SettingsVersion): void {
  let result: unknown;
  try {
    result = migrate(stored, from);
  } catch (cause) {
    throw new DiskCacheError(
      cause instanceof DiskCacheError ? cause.code : 'BAD_OPTION',
      `The migration of the settings from version ${from} to ${to} failed and was undone: ${getErrorMessage(cause)}`,
      { cause },
    );
  }
  const kind = isThenable(result) ? 'a promise' : isGenerator(result) ? 'a generator' : undefined;
  if (kind === undefined) return;
  if (isThenable(result)) result.then(undefined, () => {});
  throw new DiskCacheError(
    'BAD_OPTION',
    `The migration of the settings to version ${to} returned ${kind} and was undone; it must be a plain synchronous function`,
  );
}
