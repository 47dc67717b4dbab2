import { isDeepStrictEqual } from 'node:util';
import { DiskCacheError } from '../../protocol/error.ts';
import { fromJson } from '../engine/values/json-value.ts';
import type { Params } from './contract.ts';
import { type EngineAccess, type InspectionSource, isCache } from './inspected-stores.ts';
import { formatKey } from './key-list.ts';
import { type LocatedItem, locateItem, readValue } from './rows.ts';

/** Edits that can be taken back, and how large the values before them may be. */
const MAX_EDITS = 50;
const MAX_KEPT_BYTES = 16 * 1024 * 1024;

interface Snapshot {
  readonly value: unknown;
  readonly expiresAt: number | undefined;
  readonly tag: string | number | undefined;
}

interface Edit {
  readonly label: string;
  readonly edited: LocatedItem;
  /** Undefined: there was, or is, no item. */
  readonly before: Snapshot | undefined;
  readonly after: Snapshot | undefined;
}

/** Writes what the page asks for, and can take it back. */
export class Edits {
  readonly #source: InspectionSource;
  readonly #engine: EngineAccess;
  readonly #edits: Edit[] = [];

  constructor(source: InspectionSource, engine: EngineAccess) {
    this.#source = source;
    this.#engine = engine;
  }

  /** What `undo` would take back. */
  get label(): string | undefined {
    return this.#edits.at(-1)?.label;
  }

  /** @throws {DiskCacheError} `NO_SUCH_STORE`, `BAD_KEY`, `BAD_VALUE`; `TOO_LARGE` for an item that is too large to be kept for `undo`. */
  set(params: Params<'set'>): void {
    const edited = locateItem(this.#source, params);
    const before = this.#read(edited);
    write(edited, { expiresAt: undefined, tag: undefined, ...before, value: fromJson(params.value) });
    this.#add('Change', edited, before);
  }

  /** @throws {DiskCacheError} as `set`; `BAD_OPTION` for a deque, into which nothing can be put back. */
  delete(params: Params<'delete'>): void {
    const edited = locateItem(this.#source, params);
    if (edited.listed.kind === 'deque')
      throw new DiskCacheError(
        'BAD_OPTION',
        'A value can’t be put back into the middle of a deque, so none is deleted here',
      );
    const before = this.#read(edited);
    if (before === undefined) throw new DiskCacheError('BAD_KEY', 'The item is gone already; search again');
    write(edited, undefined);
    this.#add('Deletion', edited, before);
  }

  /** @throws {DiskCacheError} `BAD_OPTION` if nothing is left to take back, or the item has changed since. */
  undo(): void {
    const edit = this.#edits.pop();
    if (edit === undefined) throw new DiskCacheError('BAD_OPTION', 'Nothing is left to take back');
    if (!isDeepStrictEqual(this.#read(edit.edited), edit.after))
      throw new DiskCacheError('BAD_OPTION', `${edit.label} can’t be taken back: the item has changed since`);
    write(edit.edited, edit.before);
  }

  #add(verb: string, edited: LocatedItem, before: Snapshot | undefined): void {
    const label = `${verb} of ${formatKey(edited.key).slice(0, 80)} in ${edited.listed.name}`;
    this.#edits.push({ label, edited, before, after: this.#read(edited) });
    if (this.#edits.length > MAX_EDITS) this.#edits.shift();
  }

  #read(edited: LocatedItem): Snapshot | undefined {
    const { listed, key } = edited;
    if (listed.kind === 'deque' || listed.kind === 'settings') {
      const value = readValue(listed, key, this.#engine, MAX_KEPT_BYTES);
      return value === undefined ? undefined : { value, expiresAt: undefined, tag: undefined };
    }
    const facts = this.#engine.getItemFacts(listed.store, key);
    if (facts === undefined) return undefined;
    const { expiresAt, tag } = facts;
    return { value: readValue(listed, key, this.#engine, MAX_KEPT_BYTES), expiresAt, tag };
  }
}

function write({ listed, key }: LocatedItem, item: Snapshot | undefined): void {
  if (listed.kind === 'deque') listed.store.set(Number(key), item?.value);
  else if (listed.kind === 'settings') writeSetting(listed.store as never, key as string[], item);
  else if (item === undefined) listed.store.delete(key);
  else if (isCache(listed)) {
    const { value, expiresAt = Number.POSITIVE_INFINITY, tag } = item;
    listed.store.set(key, value, { expiresAt, ...(tag !== undefined && { tag }) });
  } else listed.store.set(key, item.value);
}

interface WritableSettings {
  set(path: readonly string[], value: unknown): void;
  reset(path: readonly string[]): void;
}

const writeSetting = (settings: WritableSettings, path: readonly string[], item: Snapshot | undefined): void =>
  item === undefined ? settings.reset(path) : settings.set(path, item.value);
