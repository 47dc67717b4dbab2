import { DiskCacheError, toErrorData } from '../../protocol/error.ts';
import type { Cache, Deque, Index, Key, Settings } from '../engine/index.ts';
import type { ItemFacts } from '../engine/internal.ts';
import type { Queue } from '../queue/index.ts';
import type { InspectedWindow, StoreKind, StoreSummary, WindowShard } from './contract.ts';

/** A FanoutCache is looked at by the methods that it shares with a Cache. */
export type InspectedStore =
  | { readonly name: string; readonly kind: 'cache' | 'fanout'; readonly store: Cache }
  | { readonly name: string; readonly kind: 'index'; readonly store: Index }
  | { readonly name: string; readonly kind: 'deque'; readonly store: Deque }
  | { readonly name: string; readonly kind: 'settings'; readonly store: Settings<object> }
  | { readonly name: string; readonly kind: 'queue'; readonly store: Queue }
  /** One that can't be opened is listed with the reason. */
  | { readonly name: string; readonly kind: undefined; readonly error: unknown };

/** Stores whose items have keys. */
export type KeyedStore = Extract<InspectedStore, { kind: 'cache' | 'fanout' | 'index' }>;

export const isKeyed = (it: InspectedStore): it is KeyedStore =>
  it.kind === 'cache' || it.kind === 'fanout' || it.kind === 'index';

export const isCache = (it: InspectedStore): it is Extract<InspectedStore, { kind: 'cache' | 'fanout' }> =>
  it.kind === 'cache' || it.kind === 'fanout';

/** Functions of the engine that is loaded; the inspector's own file has no engine. */
export interface EngineAccess {
  getItemFacts(store: object, key: Key): ItemFacts | undefined;
  getStoreSettings(
    store: object,
  ): { readonly sizeLimit: number; readonly evictionPolicy: string; readonly statistics: boolean } | undefined;
  withReadBudget<T>(budget: { bytes: number; readonly maxValueBytes: number }, work: () => T): T;
}

/** What is inspected. */
export interface InspectionSource {
  readonly title: string;
  /** Called for each request, for queues may be opened later. */
  listStores(): readonly InspectedStore[];
  /** Absent outside of an application. */
  listWindows?(): { readonly windows: readonly InspectedWindow[]; readonly shards: readonly WindowShard[] };
}

/** @throws {DiskCacheError} `NO_SUCH_STORE`; for one that can't be opened the reason. */
export function findStore(source: InspectionSource, name: string): Exclude<InspectedStore, { kind: undefined }> {
  const found = source.listStores().find((it) => it.name === name);
  if (found === undefined)
    throw new DiskCacheError('NO_SUCH_STORE', `No store is called "${name.slice(0, 64)}"; reload the list`);
  if (found.kind === undefined) throw found.error;
  return found;
}

/** @throws {DiskCacheError} `BAD_OPTION` for a store of another kind. */
export function assertKind<K extends StoreKind>(
  found: Exclude<InspectedStore, { kind: undefined }>,
  ...kinds: readonly K[]
): Extract<InspectedStore, { kind: K }> {
  if ((kinds as readonly string[]).includes(found.kind)) return found as Extract<InspectedStore, { kind: K }>;
  throw new DiskCacheError('BAD_OPTION', `"${found.name}" is of the kind ${found.kind}, which doesn’t have this`);
}

/** Keys of a store that begin so are those of an HTTP cache. */
export const HTTP_PREFIX = ['http'];

/** Returns everything about a store; its `error` says why something can't be read. */
export function summarize(inspected: InspectedStore, engine: EngineAccess): StoreSummary {
  const { name, kind } = inspected;
  if (inspected.kind === undefined) return { name, kind, error: toErrorData(inspected.error) };
  try {
    const { store } = inspected;
    const summary = { name, kind, items: countItems(inspected), bytes: store.volume() };
    if (!isCache(inspected)) return summary;
    return { ...summary, ...summarizeCache(inspected.store, engine) };
  } catch (error) {
    return { name, kind, error: toErrorData(error) };
  }
}

function summarizeCache(store: Cache, engine: EngineAccess): Partial<StoreSummary> {
  const settings = engine.getStoreSettings(store);
  const [response] = store.keys({ order: 'key', prefix: HTTP_PREFIX, limit: 1 });
  return {
    ...store.stats(),
    codec: store.codec,
    hasResponses: response !== undefined,
    ...(settings && {
      sizeLimit: Number.isFinite(settings.sizeLimit) ? settings.sizeLimit : null,
      evictionPolicy: settings.evictionPolicy,
      countsHits: settings.statistics,
    }),
  };
}

function countItems(inspected: Exclude<InspectedStore, { kind: undefined }>): number {
  if (inspected.kind === 'deque') return inspected.store.length;
  if (inspected.kind === 'settings') return Object.keys(inspected.store.all()).length;
  if (inspected.kind !== 'queue') return inspected.store.size;
  const { done: _, ...counts } = inspected.store.counts();
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
