/** A page that writes as fast as it is answered: the client of `renderer-api/` on a thread of its own. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import type { MessagePortLike } from '../../client/port-connection.ts';
import { DiskCache } from '../../renderer-api/disk-cache.ts';
import { toKey, VALUE_BYTES } from '../harness/keys-and-values.ts';

export interface WritingPageData {
  readonly port: MessagePort;
}

export interface WriteOrder {
  readonly items: number;
  /** So many sets begin in one turn and commit together. */
  readonly perTurn: number;
}

const { port } = workerData as WritingPageData;
const diskCache = new DiskCache(async () => port as unknown as MessagePortLike);
const value = new Uint8Array(VALUE_BYTES);

async function write({ items, perTurn }: WriteOrder): Promise<number> {
  for (let first = 0; first < items; first += perTurn) {
    const turn = Math.min(perTurn, items - first);
    await Promise.all(Array.from({ length: turn }, (_, nth) => diskCache.set(toKey(first + nth), value)));
  }
  return diskCache.size;
}

/** Returns the number of items afterwards. */
parentPort?.on('message', (order: WriteOrder | 'clear') => {
  const done = order === 'clear' ? diskCache.clear().then(() => diskCache.size) : write(order);
  void done.then((size) => parentPort?.postMessage(size));
});
