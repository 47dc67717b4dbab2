/** A page, as far as speed goes: the client of `renderer-api/` on a thread of its own, and what it is compared with. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { wrap } from 'comlink';
import type { MessagePortLike } from '../../client/port-connection.ts';
import { DiskCache } from '../../renderer-api/disk-cache.ts';
import { VALUE_BYTES } from '../harness/keys-and-values.ts';
import { measureMicrosecondsAsync } from '../harness/timing.ts';

export interface PageData {
  readonly ports: Readonly<Record<'bridge' | 'comlink' | 'echo' | 'echoGet', MessagePort>>;
}

export type PageAction =
  | 'echo'
  | 'echo get'
  | 'get'
  | 'comlink get'
  | 'get near'
  | 'gets'
  | 'comlink gets'
  | 'set'
  | 'comlink set'
  | 'sets'
  | 'comlink sets'
  | 'large sets and gets'
  | 'comlink large sets and gets';

export interface PageRequest {
  readonly action: PageAction;
  readonly keys: readonly string[];
  /** The first byte of every value that is set. */
  readonly round: number;
}

export interface PageReply {
  /** Microseconds per call. */
  readonly figure: number;
}

/** The same cache by another name. */
const NEAR = 'near';

/** A value that travels in chunks. */
const LARGE_BYTES = 16 * 2 ** 20;

/** The part of the engine that plain comlink is asked for. */
interface ComlinkStore {
  get(key: string): Uint8Array;
  set(key: string, value: Uint8Array): void;
}

const { ports } = workerData as PageData;
const diskCache = new DiskCache(async () => ports.bridge as unknown as MessagePortLike);
const comlink = wrap<ComlinkStore>(ports.comlink as unknown as Parameters<typeof wrap>[0]);
const rawPorts = { echo: createRequester(ports.echo), echoGet: createRequester(ports.echoGet) };

/** Messages and answers of a bare port, one at a time. */
function createRequester(port: MessagePort): (message: string) => Promise<unknown> {
  let settle: (answer: unknown) => void;
  port.on('message', (answer: unknown) => settle(answer));
  return (message) =>
    new Promise((resolve) => {
      settle = resolve;
      port.postMessage(message);
    });
}

const isValue = (value: unknown): boolean => value instanceof Uint8Array && value.length === VALUE_BYTES;

async function timeSequential(keys: readonly string[], get: (key: string) => Promise<unknown>): Promise<number> {
  let values = 0;
  const figure = await measureMicrosecondsAsync(keys.length, async () => {
    for (const key of keys) if (isValue(await get(key))) values++;
  });
  if (values !== keys.length) throw new Error(`${keys.length} gets gave ${values} values`);
  return figure;
}

async function timeConcurrent(keys: readonly string[], get: (key: string) => Promise<unknown>): Promise<number> {
  let values: unknown[] = [];
  const figure = await measureMicrosecondsAsync(keys.length, async () => {
    values = await Promise.all(keys.map(get));
  });
  if (!values.every(isValue)) throw new Error('Some gets gave no value');
  return figure;
}

/** Sets the keys: with `'sequential'` each after the one before was acknowledged, with `'concurrent'` all in one turn. */
async function timeSets(
  order: 'sequential' | 'concurrent',
  keys: readonly string[],
  round: number,
  set: (key: string, value: Uint8Array) => Promise<void>,
): Promise<number> {
  const value = new Uint8Array(VALUE_BYTES).fill(round);
  return measureMicrosecondsAsync(keys.length, async () => {
    if (order === 'concurrent') await Promise.all(keys.map((key) => set(key, value)));
    else for (const key of keys) await set(key, value);
  });
}

/** One after the other, because concurrency gains nothing here. */
async function timeLargeValues(
  keys: readonly string[],
  round: number,
  store: ComlinkStore | typeof diskCache,
): Promise<number> {
  const value = new Uint8Array(LARGE_BYTES).fill(round);
  let same = 0;
  const figure = await measureMicrosecondsAsync(keys.length, async () => {
    for (const key of keys) {
      await store.set(key, value);
      const found = await store.get(key);
      if (found instanceof Uint8Array && found.length === value.length && found.at(-1) === round) same++;
    }
  });
  if (same !== keys.length) throw new Error(`${keys.length} large values gave ${same} back`);
  return figure;
}

/** Of a store whose values the page keeps once it has read them. */
async function timeNearGets(keys: readonly string[]): Promise<number> {
  const stop = diskCache.nearCache(NEAR, { maxBytes: 64 * 2 ** 20 });
  const store = diskCache.cache<string>(NEAR);
  // With the answers to the first of them comes the lease.
  for (let time = 0; time < 2; time++) await Promise.all(keys.map((key) => store.get(key)));
  const figure = await timeSequential(keys, (key) => store.get(key));
  stop();
  return figure;
}

async function timeEchoes(keys: readonly string[]): Promise<number> {
  return measureMicrosecondsAsync(keys.length, async () => {
    for (const key of keys) if ((await rawPorts.echo(key)) !== key) throw new Error('The echo was another one');
  });
}

function measureAction({ action, keys, round }: PageRequest): Promise<number> {
  switch (action) {
    case 'echo':
      return timeEchoes(keys);
    case 'echo get':
      return timeSequential(keys, rawPorts.echoGet);
    case 'get':
      return timeSequential(keys, (key) => diskCache.get(key));
    case 'comlink get':
      return timeSequential(keys, (key) => comlink.get(key));
    case 'get near':
      return timeNearGets(keys);
    case 'gets':
      return timeConcurrent(keys, (key) => diskCache.get(key));
    case 'comlink gets':
      return timeConcurrent(keys, (key) => comlink.get(key));
    case 'set':
      return timeSets('sequential', keys, round, (key, value) => diskCache.set(key, value));
    case 'comlink set':
      return timeSets('sequential', keys, round, (key, value) => comlink.set(key, value));
    case 'sets':
      return timeSets('concurrent', keys, round, (key, value) => diskCache.set(key, value));
    case 'comlink sets':
      return timeSets('concurrent', keys, round, (key, value) => comlink.set(key, value));
    case 'large sets and gets':
      return timeLargeValues(keys, round, diskCache);
    case 'comlink large sets and gets':
      return timeLargeValues(keys, round, comlink as unknown as ComlinkStore);
  }
}

parentPort!.on('message', async (request: PageRequest) => {
  parentPort!.postMessage({ figure: await measureAction(request) } satisfies PageReply);
});
