import { describeType, formatValue } from '../../../protocol/describe-value.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import { formatSettingsPath, parseSettingsPath } from '../../../protocol/settings-path.ts';
import type { SettingsDeclarationOptions } from '../../../protocol/stores.ts';
import { assertOptions, isRecord } from '../validate.ts';
import { CloneWalk } from '../values/structured-clone.ts';
import { assertDefined, hasMembers } from './stored-member.ts';

export type SettingsOptions<T extends object> = SettingsDeclarationOptions<T>;

const OPTIONS: ReadonlySet<string> = new Set([
  'clock',
  'codec',
  'compression',
  'defaults',
  'durability',
  'encryptExisting',
  'encryptionKey',
  'exclusive',
  'fileThreshold',
  'from',
  'invalid',
  'memory',
  'migrations',
  'pageCache',
  'previousEncryptionKey',
  'readOnly',
  'schema',
  'timeout',
  'version',
  'workerThread',
] satisfies (keyof SettingsOptions<object>)[]);

/** @throws {DiskCacheError} `BAD_OPTION` for an unknown option, and for defaults that settings couldn't store. */
export function assertSettingsOptions(options: SettingsOptions<object>): void {
  const { defaults, invalid = 'throw' } = assertOptions(options, OPTIONS, 'the options of settings');
  if (!hasMembers(defaults)) {
    throw new DiskCacheError(
      'BAD_OPTION',
      `defaults is ${describeType(defaults)}; give a plain object of the settings' default values`,
    );
  }
  const walk = new CloneWalk();
  if (!walk.check(defaults)) {
    throw new DiskCacheError('BAD_OPTION', `defaults${walk.getPath()}${walk.problem}; settings are plain data`);
  }
  if (invalid === 'throw' || invalid === 'default') return;
  throw new DiskCacheError('BAD_OPTION', `invalid is ${formatValue(invalid, "'")}; it can be 'throw' or 'default'`);
}

/** Returns the error to throw for a setting that could not be stored: its path is that of the setting, not of what is on disk. */
export function toSettingError(error: unknown, path: readonly string[], value: unknown): unknown {
  if (!(error instanceof DiskCacheError) || error.code !== 'BAD_VALUE') return error;
  const walk = new CloneWalk();
  if (walk.check(value)) return error;
  return new DiskCacheError(
    'BAD_VALUE',
    `The setting ${formatSettingsPath(path)} can't be set: value${walk.getPath()}${walk.problem}; settings are plain data`,
    { cause: error },
  );
}

/**
 * Returns what `set` is to change: the setting at a path, or several by their paths.
 *
 * @throws {DiskCacheError} `BAD_KEY` for an invalid path; `BAD_VALUE` for `undefined`, and for a Map, a Date and the like, because nothing of them
 * would be set.
 */
export function parseChanges(args: readonly [target: unknown, value?: unknown]): SettingsEdit[] {
  const [target, value] = args;
  const isPatch = args.length === 1 && isRecord(target) && !isArray(target);
  if (isPatch && !isPatchObject(target)) {
    throw new DiskCacheError(
      'BAD_VALUE',
      `${describeType(target)} can't be set as settings; give a path and a value, or a plain object of them`,
    );
  }
  return (isPatch ? Object.entries(target) : [[target, value] as const]).map(([path, value]) => {
    const segments = parseSettingsPath(path);
    assertDefined(segments, value, 'reset');
    return [segments, value];
  });
}

/** A revoked proxy throws when it is read. */
function isArray(target: object): boolean {
  try {
    return Array.isArray(target);
  } catch {
    return false;
  }
}

function isPatchObject(target: object): boolean {
  try {
    if (!hasMembers(target)) return false;
    // A proxy or a getter may throw.
    Object.entries(target);
    return true;
  } catch {
    return false;
  }
}

type SettingsEdit = readonly [path: readonly [string, ...string[]], value: unknown];
