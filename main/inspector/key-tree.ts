import type { Key } from '../engine/index.ts';
import { fromJson, toJson } from '../engine/values/json-value.ts';
import type { KeyNode, KeyNodes, Params } from './contract.ts';
import { assertKind, findStore, type InspectionSource, type KeyedStore } from './inspected-stores.ts';
import { formatKey } from './key-list.ts';
import { createSlices } from './time-slices.ts';

/** Characters that divide text keys: what is before the first one makes a group. */
const DELIMITERS = /[/:|#]/;
const MAX_NODES = 200;

/** A group of keys, and whether it has more than one. */
interface Group {
  readonly label: string;
  readonly prefix: Key;
}

/**
 * Returns the groups and keys directly below a prefix: tuples are grouped by their next element, texts by what is before the next delimiter. Jumps from
 * the first key of a group to the last: three reads for each, however many keys it has.
 *
 * @throws {DiskCacheError} `NO_SUCH_STORE`, `BAD_OPTION`, `BAD_KEY`.
 */
export async function listKeyNodes(source: InspectionSource, params: Params<'tree'>): Promise<KeyNodes> {
  const keyed = assertKind(findStore(source, params.store), 'cache', 'fanout', 'index');
  const prefix = params.prefix === undefined ? undefined : (fromJson(params.prefix) as Key);
  const nodes: KeyNode[] = [];
  const pause = createSlices();
  let previous = params.after === undefined ? undefined : (fromJson(params.after) as Key);
  for (;;) {
    const key = findNext(keyed, prefix, previous);
    if (key === undefined) return { nodes };
    if (nodes.length >= MAX_NODES) return { nodes, next: toJson(previous) };
    const group = getGroup(key, prefix);
    const last = group === undefined ? key : findLast(keyed, group.prefix);
    if (group !== undefined && last !== undefined && formatKey(last) !== formatKey(key))
      nodes.push({ label: group.label, prefix: toJson(group.prefix) });
    else nodes.push({ label: formatLabel(key, prefix), key: toJson(key) });
    previous = last ?? key;
    await pause();
  }
}

/** Returns the first key below a prefix and after another key. */
function findNext({ store }: KeyedStore, prefix: Key | undefined, previous: Key | undefined): Key | undefined {
  const within = prefix === undefined ? {} : { prefix };
  const from = previous === undefined ? {} : { from: previous };
  const keys = [...store.keys({ order: 'key', ...within, ...from, limit: 2 })];
  return keys.find((key) => previous === undefined || formatKey(key) !== formatKey(previous));
}

const findLast = ({ store }: KeyedStore, prefix: Key): Key | undefined =>
  [...store.keys({ order: 'key', prefix, reverse: true, limit: 1 })][0];

function getGroup(key: Key, prefix: Key | undefined): Group | undefined {
  if (Array.isArray(key)) {
    const depth = Array.isArray(prefix) ? prefix.length : 0;
    if (key.length <= depth) return undefined;
    return { label: formatKey(key[depth]!), prefix: key.slice(0, depth + 1) };
  }
  if (typeof key !== 'string') return undefined;
  const start = typeof prefix === 'string' ? prefix.length : 0;
  const end = key.slice(start).search(DELIMITERS);
  if (end < 0) return undefined;
  return { label: key.slice(start, start + end + 1), prefix: key.slice(0, start + end + 1) };
}

/** Returns what of a key is not in the prefix. */
function formatLabel(key: Key, prefix: Key | undefined): string {
  if (typeof key === 'string' && typeof prefix === 'string') return key.slice(prefix.length);
  if (Array.isArray(key) && Array.isArray(prefix)) return key.slice(prefix.length).map(formatKey).join(' · ');
  return formatKey(key);
}
