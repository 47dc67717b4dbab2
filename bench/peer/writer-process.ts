/** One of several processes that write into one directory at the same time. Its parent sends an order and gets a tally. */
import { Cache, FanoutCache } from '../../main/engine/index.ts';
import { type PlainValue, toKeys, VALUE_BYTES, Values } from '../harness/keys-and-values.ts';

/** What a writer is to set, each item in its own transaction. Only plain data. */
export interface WriteRequest {
  readonly kind: 'cache' | 'fanout';
  readonly directory: string;
  readonly indices: readonly number[];
  readonly shift: number;
}

export interface WriteResult {
  /** Milliseconds from the first set to the last. */
  readonly took: number;
  /** Milliseconds of the set that took longest. */
  readonly worst: number;
  readonly dropped: number;
}

const values = new Values('bytes', VALUE_BYTES);
const opened = new Map<string, Pick<Cache<string, PlainValue>, 'set' | 'get'>>();

function getStore({ kind, directory }: WriteRequest): Pick<Cache<string, PlainValue>, 'set' | 'get'> {
  const store = opened.get(directory) ?? new (kind === 'cache' ? Cache : FanoutCache)<string, PlainValue>(directory);
  opened.set(directory, store);
  return store;
}

/** `set` either stores or throws, so nothing is dropped in silence: what throws ends the bench. */
function write(order: WriteRequest): WriteResult {
  const store = getStore(order);
  const indices = Uint32Array.from(order.indices);
  const keys = toKeys(indices);
  let worst = 0;
  const began = performance.now();
  let before = began;
  for (const [nth, key] of keys.entries()) {
    store.set(key, values.at(indices[nth]! + order.shift));
    const after = performance.now();
    worst = Math.max(worst, after - before);
    before = after;
  }
  return { took: before - began, worst, dropped: 0 };
}

process.on('message', (order: WriteRequest) => {
  getStore(order);
  process.send?.(order.indices.length === 0 ? { took: 0, worst: 0, dropped: 0 } : write(order));
});
