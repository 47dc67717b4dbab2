import { describeType } from '../../../protocol/describe-value.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import { isPlainObject } from '../../../protocol/native-types.ts';
import { formatSettingsPath, getMember } from '../../../protocol/settings-path.ts';
import { toOwnRealm } from '../realm.ts';
import { isRecord } from '../validate.ts';

/*
 * What is stored of one top-level member of the settings: a value that was set as a whole, or only those of its members that were set. What
 * was never set comes from the defaults and is not stored, so that a later version of the application can change its defaults.
 * On disk: docs/disk-format.md.
 */
export type StoredMember = { readonly value: unknown } | { readonly members: Readonly<Record<string, StoredMember>> };

type Path = readonly string[];
export type Members = Readonly<Record<string, unknown>>;

/** Returns whether a value is a plain object, whose members have paths of their own. */
export const hasMembers = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && isPlainObject(value);

/**
 * The objects that the current edit has created. Only these are changed in place, so that many paths below one object copy it once. All
 * others belong to the application or are stored.
 */
export type OwnCopies = WeakSet<object>;

function withMember<V>(
  members: Readonly<Record<string, V>>,
  name: string,
  member: V,
  copies: OwnCopies,
): Readonly<Record<string, V>> {
  const own = toOwnCopy(members, copies);
  own[name] = member;
  return own;
}

function withoutMember<V>(
  members: Readonly<Record<string, V>>,
  name: string,
  copies: OwnCopies,
): Readonly<Record<string, V>> {
  const own = toOwnCopy(members, copies);
  delete own[name];
  return own;
}

function toOwnCopy<V>(members: Readonly<Record<string, V>>, copies: OwnCopies): Record<string, V> {
  if (copies.has(members)) return members;
  const copy = { ...members };
  copies.add(copy);
  return copy;
}

/** Whether a value has exactly the form in which a member is stored. */
export const isStoredMember = (stored: unknown): stored is StoredMember =>
  hasMembers(stored) && Object.keys(stored).length === 1 && ('value' in stored || hasMembers(stored['members']));

/**
 * Returns what is stored of a top-level member.
 *
 * @throws {DiskCacheError} `CORRUPT` for what settings never store: an older version of the application may have opened them as an index.
 */
export function toStoredMember(name: string, stored: unknown): StoredMember | undefined {
  if (stored === undefined) return undefined;
  if (hasMembers(stored) && ('value' in stored || hasMembers(stored['members']))) return stored as StoredMember;
  const path = formatSettingsPath([name]);
  throw new DiskCacheError(
    'CORRUPT',
    `The setting ${path} was not stored by settings, but by an index in the same directory; set it again, or reset(${path})`,
  );
}

/** Returns the value at a path: what was set, over the defaults. */
export function getSetting(stored: StoredMember | undefined, fallback: unknown, path: Path): unknown {
  const [name, ...rest] = path;
  if (name === undefined) return merge(stored, fallback);
  if (stored === undefined) return path.reduce(getMember, fallback);
  if ('value' in stored) return path.reduce(getMember, stored.value);
  return getSetting(getStored(stored.members, name), getMember(fallback, name), rest);
}

function merge(stored: StoredMember | undefined, fallback: unknown): unknown {
  if (stored === undefined) return fallback;
  if ('value' in stored) return stored.value;
  const set = Object.entries(stored.members).map(([name, member]) => [name, merge(member, getMember(fallback, name))]);
  return Object.fromEntries([...Object.entries(hasMembers(fallback) ? fallback : {}), ...set]);
}

/** Returns an own member; none for names such as `constructor`. */
export const getStored = (members: Readonly<Record<string, StoredMember>>, name: string): StoredMember | undefined =>
  Object.hasOwn(members, name) ? members[name] : undefined;

/** Returns whether the setting at a path, or a part of it, was set instead of coming from the defaults. */
export function isSet(stored: StoredMember | undefined, path: Path): boolean {
  const [name, ...rest] = path;
  if (stored === undefined) return false;
  if (name === undefined) return true;
  if ('members' in stored) return isSet(getStored(stored.members, name), rest);
  return hasMembers(stored.value) && Object.hasOwn(stored.value, name)
    ? isSet({ value: stored.value[name] }, rest)
    : false;
}

/**
 * Returns what to store after setting the value at a path.
 *
 * @throws {DiskCacheError} `BAD_KEY` if the path leads into something that isn't an object.
 */
export function setSetting(
  stored: StoredMember | undefined,
  fallback: unknown,
  path: Path,
  value: unknown,
  parents: Path,
  copies: OwnCopies = new WeakSet(),
): StoredMember {
  const [name, ...rest] = path;
  if (name === undefined) return { value };
  if (stored !== undefined && 'value' in stored)
    return { value: setInValue(stored.value, path, value, parents, copies) };
  // What has members of its own is an object, also where the next version of the application has another default.
  if (stored === undefined && fallback !== undefined && !hasMembers(fallback)) throw notAnObject(parents, fallback);
  const members = stored?.members ?? {};
  const next = setSetting(getStored(members, name), getMember(fallback, name), rest, value, [...parents, name], copies);
  return { members: withMember(members, name, next, copies) };
}

function setInValue(whole: unknown, path: Path, value: unknown, parents: Path, copies: OwnCopies): unknown {
  const [name, ...rest] = path;
  if (name === undefined) return value;
  if (whole !== undefined && !hasMembers(whole)) throw notAnObject(parents, whole);
  const next = setInValue(getMember(whole, name), rest, value, [...parents, name], copies);
  return withMember(whole ?? {}, name, next, copies);
}

/** @throws {DiskCacheError} `BAD_VALUE` for `undefined`; `remedy` is the method to use instead. */
export function assertDefined(path: Path, value: unknown, remedy: 'reset' | 'delete'): void {
  if (value !== undefined) return;
  throw new DiskCacheError(
    'BAD_VALUE',
    `The setting ${formatSettingsPath(path)} can't be set to undefined; use ${remedy}`,
  );
}

const notAnObject = (path: Path, value: unknown) =>
  new DiskCacheError(
    'BAD_KEY',
    `The setting ${formatSettingsPath(path)} is ${describeType(value)}, so nothing can be set below it; set the whole setting`,
  );

/**
 * Returns what to store after resetting the value at a path; undefined for nothing. In an object that was set as a whole, the default takes
 * the place of the member. Objects may be left without members: see `withoutEmptyMembers`.
 */
export function resetSetting(
  stored: StoredMember | undefined,
  fallback: unknown,
  path: Path,
  copies: OwnCopies = new WeakSet(),
): StoredMember | undefined {
  const [name, ...rest] = path;
  if (name === undefined || stored === undefined) return undefined;
  if ('value' in stored) return { value: resetInValue(stored.value, fallback, path, copies) };
  const next = resetSetting(getStored(stored.members, name), getMember(fallback, name), rest, copies);
  const members =
    next === undefined ? withoutMember(stored.members, name, copies) : withMember(stored.members, name, next, copies);
  return { members };
}

function resetInValue(whole: unknown, fallback: unknown, [name, ...rest]: Path, copies: OwnCopies): unknown {
  if (name === undefined || !hasMembers(whole) || !Object.hasOwn(whole, name)) return whole;
  const member = getMember(fallback, name);
  if (rest.length > 0) return withMember(whole, name, resetInValue(whole[name], member, rest, copies), copies);
  return member === undefined ? withoutMember(whole, name, copies) : withMember(whole, name, member, copies);
}

/** Removes objects that have no members left. Returns undefined if nothing is left. */
export function withoutEmptyMembers(stored: StoredMember | undefined): StoredMember | undefined {
  if (stored === undefined || 'value' in stored) return stored;
  const members = Object.entries(stored.members)
    .map(([name, member]) => [name, withoutEmptyMembers(member)] as const)
    .filter((entry): entry is readonly [string, StoredMember] => entry[1] !== undefined);
  return members.length > 0 ? { members: Object.fromEntries(members) } : undefined;
}

/** Returns a copy of a setting that its reader may change. */
export const copy = <V>(value: V): V => (isRecord(value) ? (toOwnRealm(structuredClone(value)) as V) : value);

/** Returns what to store for a top-level member after a change; undefined for nothing. */
export type Edit = (stored: StoredMember | undefined, fallback: unknown, copies: OwnCopies) => StoredMember | undefined;
