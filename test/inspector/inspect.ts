import type { Key } from '../../main/engine/index.ts';
import { Cache, Deque, FanoutCache, Index, Settings } from '../../main/engine/index.ts';
import { fromJson, getItemFacts, getStoreSettings, toJson, withReadBudget } from '../../main/engine/internal.ts';
import type { Rows } from '../../main/inspector/contract.ts';
import type { InspectedStore, InspectionSource } from '../../main/inspector/inspected-stores.ts';
import { Inspection } from '../../main/inspector/inspection.ts';
import { Queue } from '../../main/queue/index.ts';

type AnyStore = Cache | FanoutCache | Index | Deque | Settings<object> | Queue;

const KINDS = [
  [FanoutCache, 'fanout'],
  [Cache, 'cache'],
  [Deque, 'deque'],
  [Settings, 'settings'],
  [Queue, 'queue'],
  [Index, 'index'],
] as const;

/** Inspects stores of this test, by their names. */
export function inspect(
  stores: Readonly<Record<string, AnyStore>>,
  { write = false, ...source }: { readonly write?: boolean } & Partial<InspectionSource> = {},
): Inspection {
  const listed = Object.entries(stores).map(([name, store]) => {
    const kind = KINDS.find(([type]) => store instanceof type)![1];
    return { name, kind, store } as InspectedStore;
  });
  const engine = { getItemFacts, getStoreSettings, withReadBudget };
  return new Inspection({ title: 'stores of a test', listStores: () => listed, ...source }, { engine, write });
}

const toKey = (tagged: unknown): Key => fromJson(tagged) as Key;
export const fromKey = (key: Key): unknown => toJson(key);

/** Reads all rows of a list. */
export async function readRows(inspection: Inspection, params: object, from = 0, count = 256): Promise<Rows> {
  const { list } = await inspection.call('search', params);
  return inspection.call('rows', { list, from, count });
}

export const readKeys = async (...args: Parameters<typeof readRows>): Promise<Key[]> =>
  (await readRows(...args)).rows.map(({ key }) => toKey(key));
