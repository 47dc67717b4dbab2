import { isUint8Array } from 'node:util/types';
import { formatValue, truncate } from '../../../protocol/describe-value.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import {
  type CacheOptions,
  type Codec,
  EVICTION_POLICY_NAMES,
  type EvictionPolicyName,
  type SetOptions,
} from '../../../protocol/options.ts';
import { KEY_BYTES } from '../sealing/store-key.ts';
import type { Clock } from '../space/policy.ts';
import type { Column } from '../sqlite/connection.ts';
import { createUnknownOptionError } from '../validate.ts';

/** Internal set option: pins the item against eviction until it is next set without it. */
export const PINNED: unique symbol = Symbol('kept');

export interface PinnedOptions extends SetOptions {
  readonly [PINNED]?: true;
}

/** Options that belong to the directory: stored on disk and valid for every later opening. */
export interface StoreSettings {
  readonly sizeLimit: number;
  readonly evictionPolicy: EvictionPolicyName;
  /** `Infinity`: items live until they are evicted. */
  readonly ttl: number;
  readonly fileThreshold: number;
  readonly durability: 'process' | 'power';
  readonly compression: 'none' | 'zstd';
  /** The codec's name; a custom codec has to be passed at every opening. */
  readonly codec: string;
  readonly statistics: boolean;
  readonly tagIndex: boolean;
}

/** Options that belong to one open store. */
export interface OpenOptions {
  readonly memory: number;
  /** `undefined`: the driver's default. */
  readonly pageCache: number | undefined;
  readonly exclusive: boolean;
  readonly timeout: number;
  readonly isTimeoutChosen: boolean;
  readonly readOnly: boolean;
  readonly workerThread: boolean;
  readonly clock: Clock;
  readonly codec: 'structured' | 'json' | Codec | undefined;
  readonly encryption: EncryptionOptions | undefined;
}

/** The options for a sealed store. */
export interface EncryptionOptions {
  readonly key: Uint8Array;
  /** The keys before this one with which some values may still be sealed. */
  readonly previousKeys: readonly Uint8Array[];
  /** Whether to seal what is in a store that isn't sealed. */
  readonly sealsExisting: boolean;
}

interface OptionRule<T> {
  readonly initial: T;
  /** Describes legal values, for the message. */
  readonly expected: string;
  readonly accepts: (value: unknown) => boolean;
}

const oneOf = <T>(values: readonly T[], initial: T): OptionRule<T> => ({
  initial,
  expected: `one of ${values.map((value) => JSON.stringify(value)).join(', ')}`,
  accepts: (value) => (values as readonly unknown[]).includes(value),
});
const booleanRule: OptionRule<boolean> = {
  initial: false,
  expected: 'true or false',
  accepts: (value) => typeof value === 'boolean',
};
const numberRule = (initial: number, expected: string, min: number, max: number): OptionRule<number> => ({
  initial,
  expected,
  accepts: (value) => typeof value === 'number' && value >= min && value <= max,
});

const optional = <T>(rule: OptionRule<T>): OptionRule<T | undefined> => ({
  ...rule,
  accepts: (value) => value === undefined || rule.accepts(value),
});

const KiB = 1024;
const MiB = 1024 * KiB;

const SETTINGS: { readonly [name in keyof StoreSettings]: OptionRule<StoreSettings[name]> } = {
  sizeLimit: numberRule(1024 * MiB, 'a number of bytes from 0, or Infinity', 0, Infinity),
  evictionPolicy: oneOf(EVICTION_POLICY_NAMES, 'least-recently-stored'),
  ttl: numberRule(Infinity, 'a number of milliseconds above 0, or Infinity', Number.MIN_VALUE, Infinity),
  fileThreshold: numberRule(32 * KiB, 'a number of bytes from 0, or Infinity', 0, Infinity),
  durability: oneOf(['process', 'power'], 'process'),
  compression: oneOf(['none', 'zstd'], 'none'),
  codec: { initial: 'structured', expected: 'a name', accepts: (value) => typeof value === 'string' && value !== '' },
  statistics: booleanRule,
  tagIndex: booleanRule,
};

const OPEN_OPTIONS = {
  memory: numberRule(8 * MiB, 'a number of bytes from 0', 0, Number.MAX_SAFE_INTEGER),
  pageCache: optional(numberRule(16_000 * KiB, 'a number of bytes from 0', 0, Number.MAX_SAFE_INTEGER)),
  exclusive: booleanRule,
  timeout: numberRule(5000, 'a number of milliseconds from 0, or Infinity', 0, Infinity),
  readOnly: booleanRule,
  workerThread: { ...booleanRule, initial: true },
} as const;

const OTHER_OPTIONS: ReadonlySet<string> = new Set([
  'clock',
  'encryptionKey',
  'previousEncryptionKey',
  'encryptExisting',
]);

const OPTION_NAMES = [SETTINGS, OPEN_OPTIONS].flatMap(Object.keys).concat([...OTHER_OPTIONS]);

export type SettingName = keyof StoreSettings;
export const SETTING_NAMES = Object.keys(SETTINGS) as readonly SettingName[];
export const isSettingName = (name: string): name is SettingName => Object.hasOwn(SETTINGS, name);

/**
 * Returns the settings in an options object; missing ones are absent.
 *
 * @throws {DiskCacheError} `BAD_OPTION` naming the option, for an unknown name or an illegal value.
 */
export function parseSettings(options: CacheOptions): Partial<StoreSettings> {
  const requested: Partial<Record<SettingName, unknown>> = {};
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(SETTINGS, name)) {
      if (Object.hasOwn(OPEN_OPTIONS, name) || OTHER_OPTIONS.has(name)) continue;
      throw createUnknownOptionError(name, OPTION_NAMES);
    }
    if (value === undefined) continue;
    const plain = name === 'codec' ? toCodecName(value) : value;
    assertOption(name, SETTINGS[name as SettingName], plain);
    requested[name as SettingName] = plain;
  }
  return requested as Partial<StoreSettings>;
}

/** @throws {DiskCacheError} `BAD_OPTION` naming the option. */
export function parseOpenOptions(options: CacheOptions): OpenOptions {
  const clock = options.clock ?? Date.now;
  if (typeof clock !== 'function') throw new DiskCacheError('BAD_OPTION', 'clock has to be a function');
  const openOptions = {
    memory: options.memory ?? OPEN_OPTIONS.memory.initial,
    pageCache: options.pageCache,
    exclusive: options.exclusive ?? OPEN_OPTIONS.exclusive.initial,
    timeout: options.timeout ?? OPEN_OPTIONS.timeout.initial,
    readOnly: options.readOnly ?? OPEN_OPTIONS.readOnly.initial,
    workerThread: options.workerThread ?? OPEN_OPTIONS.workerThread.initial,
  };
  for (const name of Object.keys(OPEN_OPTIONS) as (keyof typeof OPEN_OPTIONS)[])
    assertOption(name, OPEN_OPTIONS[name], openOptions[name]);
  if (openOptions.readOnly && openOptions.exclusive) {
    throw new DiskCacheError(
      'BAD_OPTION',
      'readOnly and exclusive exclude each other: a reader takes no exclusive lock',
    );
  }
  return {
    ...openOptions,
    isTimeoutChosen: options.timeout !== undefined,
    clock,
    codec: options.codec,
    encryption: parseEncryption(options),
  };
}

function parseEncryption(options: CacheOptions): EncryptionOptions | undefined {
  const { encryptionKey, previousEncryptionKey, encryptExisting = false } = options;
  assertOption('encryptExisting', booleanRule, encryptExisting);
  if (encryptionKey !== undefined) {
    return {
      key: copyKey('encryptionKey', encryptionKey),
      previousKeys: toList(previousEncryptionKey).map((key) => copyKey('previousEncryptionKey', key)),
      sealsExisting: encryptExisting,
    };
  }
  if (previousEncryptionKey === undefined && !encryptExisting) return undefined;
  throw new DiskCacheError(
    'BAD_OPTION',
    'previousEncryptionKey and encryptExisting need encryptionKey, the key that seals from now on',
  );
}

const toList = (keys: CacheOptions['previousEncryptionKey']): readonly unknown[] =>
  keys === undefined ? [] : Array.isArray(keys) ? keys : [keys];

/** The value of a wrong key is not in the message: it might be a key. */
export function copyKey(name: string, key: unknown): Uint8Array {
  if (isUint8Array(key) && key.length === KEY_BYTES) return new Uint8Array(key);
  throw new DiskCacheError('BAD_OPTION', `${name} has to be a Uint8Array of ${KEY_BYTES} random bytes`);
}

/**
 * Checks the options of a store that is opened later. `by` names the function that got them.
 *
 * @throws {DiskCacheError} `BAD_OPTION` as opening it would.
 */
export function assertCacheOptions(by: string, options: CacheOptions): void {
  try {
    parseSettings(options);
    parseOpenOptions(options);
  } catch (error) {
    if (!(error instanceof DiskCacheError)) throw error;
    throw new DiskCacheError(error.code, `${by}: ${error.message}`, { cause: error });
  }
}

/** Combines requested settings, stored ones, and defaults, in this order of precedence. */
export function resolveSettings(stored: Partial<StoreSettings>, requested: Partial<StoreSettings>): StoreSettings {
  const resolved: Partial<Record<SettingName, unknown>> = {};
  for (const name of SETTING_NAMES) resolved[name] = requested[name] ?? stored[name] ?? SETTINGS[name].initial;
  return resolved as unknown as StoreSettings;
}

/** Converts a setting to a column. */
export const toSettingColumn = (value: StoreSettings[SettingName]): Column =>
  typeof value === 'boolean' ? Number(value) : value;

/** Returns the settings of a directory. Unknown names are ignored; a value that is no longer legal counts as absent. */
export function readStoredSettings(rows: readonly (readonly [name: string, value: unknown])[]): Partial<StoreSettings> {
  const stored: Partial<Record<SettingName, unknown>> = {};
  for (const [name, column] of rows) {
    if (!Object.hasOwn(SETTINGS, name)) continue;
    const rule: OptionRule<StoreSettings[SettingName]> = SETTINGS[name as SettingName];
    const value = typeof rule.initial === 'boolean' ? column === 1 : column;
    if (rule.accepts(value)) stored[name as SettingName] = value;
  }
  return stored as Partial<StoreSettings>;
}

function assertOption(name: string, rule: OptionRule<unknown>, value: unknown): void {
  if (rule.accepts(value)) return;
  throw new DiskCacheError('BAD_OPTION', `${name} is ${inspectOption(value)}; it has to be ${rule.expected}`);
}

function toCodecName(codec: unknown): unknown {
  if (typeof codec === 'string') {
    assertOption('codec', oneOf<unknown>(['structured', 'json'], 'structured'), codec);
    return codec;
  }
  const { name, encode, decode } = Object(codec) as Partial<Codec>;
  if (typeof name === 'string' && name !== '' && typeof encode === 'function' && typeof decode === 'function')
    return name;
  throw new DiskCacheError('BAD_OPTION', 'codec has to be "structured", "json" or an object { name, encode, decode }');
}

const inspectOption = (value: unknown): string =>
  typeof value === 'string' ? JSON.stringify(truncate(value)) : formatValue(value);
