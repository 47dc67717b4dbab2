/** A page that sends one large value by `set`, reads it by `get`, and says whether it came back. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import type { MessagePortLike } from '../../client/port-connection.ts';
import { DiskCache } from '../../renderer-api/disk-cache.ts';

const { port, bytes } = workerData as { readonly port: MessagePort; readonly bytes: number };
const diskCache = new DiskCache(async () => port as unknown as MessagePortLike);

const value = new Uint8Array(bytes);
for (let at = 0; at < bytes; at += 4093) value[at] = at % 251;
await diskCache.set('large', value);
parentPort!.postMessage('stored');
const read = await diskCache.get('large');
parentPort!.postMessage(read instanceof Uint8Array && Buffer.compare(read, value) === 0 ? 'same' : 'different');
