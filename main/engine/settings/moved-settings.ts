import { getErrorMessage } from '../../../protocol/describe-value.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import type { MoveSource } from '../../../protocol/move-source.ts';
import { getMember, parseSettingsPath } from '../../../protocol/settings-path.ts';
import type { SettingsVersion } from '../../../protocol/stores.ts';
import {
  addMarks,
  getDueValues,
  isRefused,
  type MoveMarks,
  type PendingMove,
  readPending,
  warnAboutFaults,
} from '../moving/move-in.ts';
import { isEqual } from '../values/equality.ts';
import { toSettingError } from './settings-options.ts';
import {
  getSetting,
  getStored,
  hasMembers,
  type Members,
  type StoredMember,
  withoutEmptyMembers,
} from './stored-member.ts';
import { acceptValid, findLeftOut, type SettingsValidator } from './validation.ts';

/** The methods of the settings' index that a move uses. */
interface StoredEntries {
  get(key: string | readonly string[]): unknown;
  set(key: string | readonly string[], value: unknown): unknown;
  delete(key: string): boolean;
}

/** The key of the marks in the index of settings. Keys of members are strings. On disk: docs/disk-format.md. */
const MARKS: readonly string[] = ['moved-in'];

/** Moves the files of another library into settings, once, when they are opened. */
export class SettingsMove {
  readonly #pending: readonly PendingMove[];
  readonly #defaults: Members;
  readonly #validator: SettingsValidator | undefined;
  /** For each member that was moved, what was stored before. */
  readonly #before = new Map<string, StoredMember | undefined>();
  readonly #refused = new Map<string, string>();

  constructor(
    index: StoredEntries,
    sources: readonly MoveSource[],
    defaults: Members,
    validator: SettingsValidator | undefined,
  ) {
    this.#pending = sources.length === 0 ? [] : readPending(sources, readMarks(index));
    this.#defaults = defaults;
    this.#validator = validator;
  }

  get isDue(): boolean {
    return this.#pending.length > 0;
  }

  /**
   * Stores the values of the files; what was set already stays. Call it inside a transaction. Returns the version of the values, for the
   * migrations; undefined if nothing was stored.
   */
  store(index: StoredEntries): SettingsVersion | undefined {
    const marks = readMarks(index);
    for (const move of this.#pending)
      for (const [name, value] of getDueValues(move, marks)) this.#storeMember(index, name, value);
    const marked = addMarks(marks, this.#pending);
    if (!isEqual(marked, marks)) index.set(MARKS, marked);
    const versions = this.#pending.flatMap(({ contents }) => contents.version ?? []);
    return this.#before.size === 0 ? undefined : (versions[0] ?? 0);
  }

  #storeMember(index: StoredEntries, name: string, value: unknown): void {
    try {
      parseSettingsPath([name]);
      const own = index.get(name) as StoredMember | undefined;
      const moved = withoutEmptyMembers(toStored(value, getMember(this.#defaults, name)));
      const stored = merge(own, moved);
      if (stored === undefined || stored === own) return;
      index.set(name, stored);
      if (!this.#before.has(name)) this.#before.set(name, own);
    } catch (error) {
      if (!isRefused(error)) throw error;
      this.#refused.set(name, getErrorMessage(toSettingError(error, [name], value)));
    }
  }

  /** Undoes each value that the schema refuses. Call it after the migrations, with the names of all members that may come from files. */
  validate(index: StoredEntries, names: readonly string[]): void {
    if (this.#validator === undefined) return;
    let accepted = this.#defaults;
    for (const name of names) {
      const member = index.get(name) as StoredMember;
      const value = getSetting(member, getMember(this.#defaults, name), []);
      try {
        const valid = getMember(this.#validator.validate('write', { ...accepted, [name]: value }, [name]), name);
        const stored = acceptValid(name, member, getMember(this.#defaults, name), valid);
        accepted = { ...accepted, [name]: valid };
        for (const [path, reason] of findLeftOut(member, valid, [name])) this.#refused.set(path, reason);
        if (stored !== undefined && stored !== member) index.set(name, stored);
      } catch (error) {
        if (!(error instanceof DiskCacheError) || error.code !== 'BAD_VALUE') throw error;
        this.#refused.set(name, error.message);
        const before = this.#before.get(name);
        if (before === undefined) index.delete(name);
        else index.set(name, before);
      }
    }
  }

  /** The members that were moved. */
  get names(): readonly string[] {
    return [...this.#before.keys()];
  }

  report(): void {
    warnAboutFaults(this.#pending, this.#refused);
  }
}

const readMarks = (index: StoredEntries): MoveMarks => (index.get(MARKS) as MoveMarks | undefined) ?? {};

/**
 * Returns a value in stored form. Where the default is an object, the members are set one by one, so that members that the old version of the
 * application did not have keep their defaults. Everything else is set as a whole.
 */
const toStored = (value: unknown, fallback: unknown): StoredMember =>
  hasMembers(value) && hasMembers(fallback)
    ? {
        members: Object.fromEntries(
          Object.entries(value).map(([name, member]) => [name, toStored(member, getMember(fallback, name))]),
        ),
      }
    : { value };

function merge(own: StoredMember | undefined, moved: StoredMember | undefined): StoredMember | undefined {
  if (own === undefined || moved === undefined) return own ?? moved;
  if ('value' in own || 'value' in moved) return own;
  const names = new Set([...Object.keys(moved.members), ...Object.keys(own.members)]);
  const members = [...names].map((name) => [name, merge(getStored(own.members, name), getStored(moved.members, name))]);
  return { members: Object.fromEntries(members) };
}
