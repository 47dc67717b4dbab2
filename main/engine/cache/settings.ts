import { DiskCacheError } from '../../../protocol/error.ts';
import { shortened, shownValue } from '../../../protocol/fault.ts';
import {
  type CacheOptions,
  type Codec,
  EVICTION_POLICY_NAMES,
  type EvictionPolicyName,
} from '../../../protocol/options.ts';
import type { Clock } from '../policy/expiry.ts';
import type { Column } from '../sqlite/connection.ts';

/** Options that belong to the directory: kept on disk and in force for whoever opens it next. */
export interface Settings {
  readonly sizeLimit: number;
  readonly evictionPolicy: EvictionPolicyName;
  /** `Infinity`: items live until they are evicted. */
  readonly ttl: number;
  readonly fileThreshold: number;
  readonly durability: 'process' | 'power';
  readonly compression: 'none' | 'zstd';
  /** The codec's name; a codec of the caller's own is handed in at every open. */
  readonly codec: string;
  readonly statistics: boolean;
  readonly tagIndex: boolean;
}

/** Options that belong to one open store. */
export interface Usage {
  readonly memory: number;
  readonly exclusive: boolean;
  readonly timeout: number;
  readonly isTimeoutChosen: boolean;
  readonly readOnly: boolean;
  readonly clock: Clock;
  readonly codec: 'structured' | 'json' | Codec | undefined;
}

interface Rule<T> {
  readonly initial: T;
  /** What a legal value is, for the message. */
  readonly is: string;
  readonly admits: (value: unknown) => boolean;
}

const oneOf = <T>(values: readonly T[], initial: T): Rule<T> => ({
  initial,
  is: `one of ${values.map((value) => JSON.stringify(value)).join(', ')}`,
  admits: (value) => (values as readonly unknown[]).includes(value),
});
const flag: Rule<boolean> = { initial: false, is: 'true or false', admits: (value) => typeof value === 'boolean' };
const amount = (initial: number, is: string, least: number, most: number): Rule<number> => ({
  initial,
  is,
  admits: (value) => typeof value === 'number' && value >= least && value <= most,
});

const KiB = 1024;
const MiB = 1024 * KiB;

const SETTINGS: { readonly [name in keyof Settings]: Rule<Settings[name]> } = {
  sizeLimit: amount(1024 * MiB, 'a number of bytes from 0, or Infinity', 0, Infinity),
  evictionPolicy: oneOf(EVICTION_POLICY_NAMES, 'least-recently-stored'),
  ttl: amount(Infinity, 'a number of milliseconds above 0, or Infinity', Number.MIN_VALUE, Infinity),
  fileThreshold: amount(32 * KiB, 'a number of bytes from 0, or Infinity', 0, Infinity),
  durability: oneOf(['process', 'power'], 'process'),
  compression: oneOf(['none', 'zstd'], 'none'),
  codec: { initial: 'structured', is: 'a name', admits: (value) => typeof value === 'string' && value !== '' },
  statistics: flag,
  tagIndex: flag,
};

const USAGE = {
  memory: amount(8 * MiB, 'a number of bytes from 0', 0, Number.MAX_SAFE_INTEGER),
  exclusive: flag,
  timeout: amount(5000, 'a number of milliseconds from 0, or Infinity', 0, Infinity),
  readOnly: flag,
} as const;

const OTHERS: ReadonlySet<string> = new Set(['clock']);

const OPTION_NAMES = [SETTINGS, USAGE].flatMap(Object.keys).concat([...OTHERS]);

export type SettingName = keyof Settings;
export const SETTING_NAMES = Object.keys(SETTINGS) as readonly SettingName[];

/**
 * The settings an options object asks for; what it leaves out is absent.
 *
 * @throws {DiskCacheError} `BAD_OPTION` naming the option, for an unknown name or an illegal value.
 */
export function chosenSettings(options: CacheOptions): Partial<Settings> {
  const chosen: Partial<Record<SettingName, unknown>> = {};
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(SETTINGS, name)) {
      if (Object.hasOwn(USAGE, name) || OTHERS.has(name)) continue;
      throw new DiskCacheError(
        'BAD_OPTION',
        `"${shortened(name)}" is no option of a cache; there are ${OPTION_NAMES.join(', ')}`,
      );
    }
    if (value === undefined) continue;
    const plain = name === 'codec' ? codecName(value) : value;
    demand(name, SETTINGS[name as SettingName], plain);
    chosen[name as SettingName] = plain;
  }
  return chosen as Partial<Settings>;
}

/** @throws {DiskCacheError} `BAD_OPTION` naming the option. */
export function usageOf(options: CacheOptions): Usage {
  const clock = options.clock ?? Date.now;
  if (typeof clock !== 'function') throw new DiskCacheError('BAD_OPTION', 'clock is no function');
  const usage = {
    memory: options.memory ?? USAGE.memory.initial,
    exclusive: options.exclusive ?? USAGE.exclusive.initial,
    timeout: options.timeout ?? USAGE.timeout.initial,
    readOnly: options.readOnly ?? USAGE.readOnly.initial,
  };
  for (const name of Object.keys(USAGE) as (keyof typeof USAGE)[]) demand(name, USAGE[name], usage[name]);
  if (usage.readOnly && usage.exclusive) {
    throw new DiskCacheError('BAD_OPTION', 'readOnly and exclusive exclude each other: a reader locks nobody out');
  }
  return { ...usage, isTimeoutChosen: options.timeout !== undefined, clock, codec: options.codec };
}

/**
 * Looks at the options of a store that is opened later. `by` is who was given them.
 *
 * @throws {DiskCacheError} `BAD_OPTION` as opening it would.
 */
export function assertCacheOptions(by: string, options: CacheOptions): void {
  try {
    chosenSettings(options);
    usageOf(options);
  } catch (error) {
    if (!(error instanceof DiskCacheError)) throw error;
    throw new DiskCacheError(error.code, `${by}: ${error.message}`, { cause: error });
  }
}

/** The defaults, under what the directory keeps, under what was asked for now. */
export function settledSettings(kept: Partial<Settings>, chosen: Partial<Settings>): Settings {
  const settled: Partial<Record<SettingName, unknown>> = {};
  for (const name of SETTING_NAMES) settled[name] = chosen[name] ?? kept[name] ?? SETTINGS[name].initial;
  return settled as unknown as Settings;
}

/** A setting as a column, and back. */
export const settingColumn = (value: Settings[SettingName]): Column =>
  typeof value === 'boolean' ? Number(value) : value;

/** What a directory keeps. Names this version does not know are left alone; a value that is no longer legal is as if absent. */
export function keptSettings(rows: readonly (readonly [name: string, value: unknown])[]): Partial<Settings> {
  const kept: Partial<Record<SettingName, unknown>> = {};
  for (const [name, column] of rows) {
    if (!Object.hasOwn(SETTINGS, name)) continue;
    const rule: Rule<Settings[SettingName]> = SETTINGS[name as SettingName];
    const value = typeof rule.initial === 'boolean' ? column === 1 : column;
    if (rule.admits(value)) kept[name as SettingName] = value;
  }
  return kept as Partial<Settings>;
}

function demand(name: string, rule: Rule<unknown>, value: unknown): void {
  if (rule.admits(value)) return;
  throw new DiskCacheError('BAD_OPTION', `${name} is ${shown(value)}; it has to be ${rule.is}`);
}

function codecName(codec: unknown): unknown {
  if (typeof codec === 'string') {
    demand('codec', oneOf<unknown>(['structured', 'json'], 'structured'), codec);
    return codec;
  }
  const { name, encode, decode } = Object(codec) as Partial<Codec>;
  if (typeof name === 'string' && name !== '' && typeof encode === 'function' && typeof decode === 'function')
    return name;
  throw new DiskCacheError('BAD_OPTION', 'codec has to be "structured", "json" or an object { name, encode, decode }');
}

const shown = (value: unknown): string =>
  typeof value === 'string' ? JSON.stringify(shortened(value)) : shownValue(value);
