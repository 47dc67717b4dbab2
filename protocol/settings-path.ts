import { formatValue, truncate } from './describe-value.ts';
import { DiskCacheError } from './error.ts';
import { isPlainObject } from './native-types.ts';

/** Values that are a single setting: paths don't lead into them. */
type LeafValue =
  | string
  | number
  | bigint
  | boolean
  | null
  | undefined
  | readonly unknown[]
  | Date
  | RegExp
  | Error
  | ArrayBuffer
  | ArrayBufferView
  | ReadonlyMap<unknown, unknown>
  | ReadonlySet<unknown>
  | ((...args: never) => unknown);

type Depth = readonly [0, 0, 0, 0, 0];

/** Member names that a dot path can contain. */
type Segment<T> = Exclude<keyof T & string, `${string}.${string}`>;

/** Paths below a member. Below a member of type `unknown` every path is allowed. */
type PathsBelow<Member, Levels extends readonly unknown[]> = unknown extends Member
  ? string
  : Member extends LeafValue
    ? never
    : Levels extends readonly [unknown, ...infer Fewer]
      ? SettingsPath<Member, Fewer>
      : never;

/**
 * The paths of an application's settings: names of members, joined by dots (`'theme'`, `'editor.fontSize'`). They lead through plain
 * objects, up to six levels, not into arrays, dates, maps and the like.
 */
export type SettingsPath<T, Levels extends readonly unknown[] = Depth> = {
  [K in Segment<T>]-?: K | `${K}.${PathsBelow<NonNullable<T[K]>, Levels>}`;
}[Segment<T>];

/** The type of the setting at a path. */
export type SettingsValue<T, P> = unknown extends T
  ? unknown
  : P extends keyof T
    ? T[P]
    : P extends `${infer K}.${infer Rest}`
      ? K extends keyof T
        ? SettingsValue<NonNullable<T[K]>, Rest> | (undefined extends T[K] ? undefined : never)
        : never
      : never;

/** New values of several settings, by their paths. */
export type SettingsPatch<T> = { readonly [P in SettingsPath<T>]?: SettingsValue<T, P> };

const MAX_PATH_SEGMENTS = 16;

/**
 * Splits a path into its segments. A path can also be given as an array of segments, for names that contain a dot.
 *
 * @throws {DiskCacheError} `BAD_KEY` for anything else, an empty segment, `__proto__`, or more than 16 segments.
 */
export function parseSettingsPath(path: unknown): readonly [string, ...string[]] {
  const segments = typeof path === 'string' ? path.split('.') : copySegments(path);
  if (segments.length === 0 || !segments.every((segment) => typeof segment === 'string')) {
    throw new DiskCacheError(
      'BAD_KEY',
      `${formatValue(path, '"')} is not the path of a setting; give a text such as "editor.fontSize", or an array of texts`,
    );
  }
  if (segments.includes('') || segments.includes('__proto__') || segments.length > MAX_PATH_SEGMENTS) {
    throw new DiskCacheError(
      'BAD_KEY',
      `The path ${formatSettingsPath(segments)} is refused; it needs 1 to ${MAX_PATH_SEGMENTS} names, none of them empty or "__proto__"`,
    );
  }
  return segments as [string, ...string[]];
}

/**
 * Returns the elements of an array, one more than allowed at most; none of anything else, also of a proxy that throws. A hole is undefined in the
 * copy, or `every` would skip it.
 */
function copySegments(path: unknown): unknown[] {
  try {
    return Array.isArray(path)
      ? Array.from({ length: Math.min(path.length, MAX_PATH_SEGMENTS + 1) }, (_, at) => path[at])
      : [];
  } catch {
    return [];
  }
}

/** Returns an own member of a plain object; undefined if it has no such member, also for inherited names such as `constructor`. */
export const getMember = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null && isPlainObject(value) && Object.hasOwn(value, name)
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined;

/** Formats a path for a message. */
export const formatSettingsPath = (segments: readonly string[]): string => `"${truncate(segments.join('.'))}"`;
