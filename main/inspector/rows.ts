import { DiskCacheError, toErrorData } from '../../protocol/error.ts';
import type { Key } from '../engine/index.ts';
import { fromJson, toJson } from '../engine/values/json-value.ts';
import type { ErrorInfo, Params, Row, Rows } from './contract.ts';
import { MAX_GLOB_LENGTH, matchesGlob } from './glob.ts';
import {
  assertKind,
  type EngineAccess,
  findStore,
  type InspectedStore,
  type InspectionSource,
  isCache,
} from './inspected-stores.ts';
import { ComputedKeyList, formatKey, type KeyList, StoreKeyList } from './key-list.ts';
import { createSlices } from './time-slices.ts';
import { toPreview } from './value-node.ts';

/** Lists that are kept; the one that was used the longest time ago is dropped. */
const MAX_LISTS = 8;
const MAX_ROWS = 256;
/** Larger values are read when they are looked at, not for a list. */
const MAX_PREVIEWED_BYTES = 16 * 1024;
/** A small stored value may be a large object. */
const MAX_DECODED_BYTES = 1024 * 1024;

const GONE: ErrorInfo = { code: 'GONE', message: 'The item was deleted, or has expired' };
/** A position whose key was forgotten. */
const GONE_ROW: Row = { key: '', error: GONE };

type Listed = Exclude<InspectedStore, { kind: undefined | 'queue' }>;

/** The lists that pages have asked for. */
export class RowLists {
  readonly #source: InspectionSource;
  readonly #engine: EngineAccess;
  readonly #lists = new Map<number, { readonly listed: Listed; readonly keys: KeyList }>();
  #lastId = 0;

  constructor(source: InspectionSource, engine: EngineAccess) {
    this.#source = source;
    this.#engine = engine;
  }

  /** @throws {DiskCacheError} `NO_SUCH_STORE`, `BAD_KEY`, `BAD_OPTION`. */
  search(params: Params<'search'>): { readonly list: number } {
    const found = findStore(this.#source, params.store);
    const listed = assertKind(found, 'cache', 'fanout', 'index', 'deque', 'settings');
    const keys = createKeyList(listed, params);
    this.#lists.set(++this.#lastId, { listed, keys });
    for (const [id, { keys: oldest }] of this.#lists) {
      if (this.#lists.size <= MAX_LISTS) break;
      oldest.close();
      this.#lists.delete(id);
    }
    return { list: this.#lastId };
  }

  /** @throws {DiskCacheError} `BAD_OPTION` for a list that was dropped: search again. */
  async rows({ list, from, count }: Params<'rows'>): Promise<Rows> {
    const found = this.#lists.get(list);
    if (found === undefined)
      throw new DiskCacheError('BAD_OPTION', `List ${list} was dropped when newer ones were opened; search again`);
    this.#lists.delete(list);
    this.#lists.set(list, found);
    const { listed, keys } = found;
    const rows: Row[] = [];
    const pause = createSlices();
    for (const key of await keys.read(from, Math.min(count, MAX_ROWS))) {
      rows.push(key === undefined ? GONE_ROW : toRow(listed, key, this.#engine));
      await pause();
    }
    const { total, isComplete, isCut } = keys;
    return { total, isComplete, isCut, rows };
  }

  close(): void {
    for (const { keys } of this.#lists.values()) keys.close();
    this.#lists.clear();
  }
}

function createKeyList(listed: Listed, { prefix, glob, order = 'key', reverse = false }: Params<'search'>): KeyList {
  if (glob !== undefined && glob.length > MAX_GLOB_LENGTH)
    throw new DiskCacheError(
      'BAD_OPTION',
      `The pattern has more than ${MAX_GLOB_LENGTH} characters; give a shorter one`,
    );
  if (listed.kind === 'deque') {
    const { length } = listed.store;
    return new ComputedKeyList(length, (position) => (reverse ? length - 1 - position : position));
  }
  if (listed.kind === 'settings') {
    const paths = listPaths(listed.store.all()).filter(
      (path) => glob === undefined || matchesGlob(formatKey(path), glob),
    );
    return new ComputedKeyList(paths.length, (position) => paths[reverse ? paths.length - 1 - position : position]!);
  }
  const within = prefix === undefined ? {} : { prefix: fromJson(prefix) as Key };
  const range = { order, reverse, ...within };
  // Checked here, so that the error is this call's.
  listed.store.page('keys', { ...range, limit: 0 });
  return new StoreKeyList(listed, range, glob);
}

/** Returns the paths of all settings that hold no further ones. */
function listPaths(members: object, path: readonly string[] = []): Key[] {
  return Object.entries(members).flatMap(([name, member]) =>
    isPlainObject(member) && Object.keys(member).length > 0
      ? listPaths(member, [...path, name])
      : [[...path, name] as Key],
  );
}

const isPlainObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;

/** Returns a row; what can't be read is told in it, and doesn't hide the others. */
export function toRow(listed: Listed, key: Key, engine: EngineAccess): Row {
  const base = { key: toJson(key) };
  try {
    if (listed.kind === 'deque') return { ...base, preview: toPreview(listed.store.at(Number(key))) };
    if (listed.kind === 'settings') return { ...base, preview: toPreview(listed.store.get(key as string[])) };
    const facts = engine.getItemFacts(listed.store, key);
    if (facts === undefined) return { ...base, error: GONE };
    const { bytes, storedAt, expiresAt, hits, tag, encoding } = facts;
    return {
      ...base,
      bytes,
      storedAt,
      hits,
      encoding,
      ...(expiresAt !== undefined && { expiresAt }),
      ...(tag !== undefined && { tag }),
      ...(bytes <= MAX_PREVIEWED_BYTES && { preview: toPreview(readValue(listed, key, engine, MAX_DECODED_BYTES)) }),
    };
  } catch (error) {
    return { ...base, error: toErrorData(error) };
  }
}

/** An item that a page has named. */
export interface LocatedItem {
  readonly listed: Listed;
  readonly key: Key;
}

/** @throws {DiskCacheError} `NO_SUCH_STORE`; `BAD_OPTION` for a queue, whose jobs are no items. */
export function locateItem(source: InspectionSource, { store, key }: Params<'value'>): LocatedItem {
  const listed = assertKind(findStore(source, store), 'cache', 'fanout', 'index', 'deque', 'settings');
  return { listed, key: fromJson(key) as Key };
}

/**
 * Returns a value of at most `maxBytes`. Doesn't count as a use of the item where the store counts uses.
 *
 * @throws {DiskCacheError} `TOO_LARGE`, `CORRUPT`.
 */
export function readValue(listed: Listed, key: Key, engine: EngineAccess, maxBytes: number): unknown {
  return engine.withReadBudget({ bytes: maxBytes, maxValueBytes: maxBytes }, () => {
    if (listed.kind === 'deque') return listed.store.at(Number(key));
    if (listed.kind === 'settings') return listed.store.get(key as string[]);
    return isCache(listed) ? listed.store.getEntry(key)?.value : listed.store.get(key);
  });
}
