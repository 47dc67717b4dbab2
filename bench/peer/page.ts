/** A page, as far as speed goes: the client of `renderer-api/` on a thread of its own, and what it is compared with. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { wrap } from 'comlink';
import type { Port } from '../../renderer-api/client/line.ts';
import { DiskCache } from '../../renderer-api/disk-cache.ts';
import { VALUE_BYTES } from '../harness/data.ts';
import { microsecondsEachOf } from '../harness/timing.ts';

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
interface Face {
  get(key: string): Uint8Array;
  set(key: string, value: Uint8Array): void;
}

const { ports } = workerData as PageData;
const diskCache = new DiskCache(async () => ports.bridge as unknown as Port);
const comlink = wrap<Face>(ports.comlink as unknown as Parameters<typeof wrap>[0]);
const asker = { echo: askOver(ports.echo), echoGet: askOver(ports.echoGet) };

/** Messages and answers of a bare port, one at a time. */
function askOver(port: MessagePort): (message: string) => Promise<unknown> {
  let settle: (answer: unknown) => void;
  port.on('message', (answer: unknown) => settle(answer));
  return (message) =>
    new Promise((resolve) => {
      settle = resolve;
      port.postMessage(message);
    });
}

const isValue = (value: unknown): boolean => value instanceof Uint8Array && value.length === VALUE_BYTES;

async function oneByOne(keys: readonly string[], get: (key: string) => Promise<unknown>): Promise<number> {
  let values = 0;
  const figure = await microsecondsEachOf(keys.length, async () => {
    for (const key of keys) if (isValue(await get(key))) values++;
  });
  if (values !== keys.length) throw new Error(`${keys.length} gets gave ${values} values`);
  return figure;
}

async function allAtOnce(keys: readonly string[], get: (key: string) => Promise<unknown>): Promise<number> {
  let values: unknown[] = [];
  const figure = await microsecondsEachOf(keys.length, async () => {
    values = await Promise.all(keys.map(get));
  });
  if (!values.every(isValue)) throw new Error('Some gets gave no value');
  return figure;
}

async function setAtOnce(
  keys: readonly string[],
  round: number,
  set: (key: string, value: Uint8Array) => Promise<void>,
): Promise<number> {
  const value = new Uint8Array(VALUE_BYTES).fill(round);
  return microsecondsEachOf(keys.length, async () => {
    await Promise.all(keys.map((key) => set(key, value)));
  });
}

/** One after the other, as there is no gain in having more of them under way. */
async function largeValues(keys: readonly string[], round: number, store: Face | typeof diskCache): Promise<number> {
  const value = new Uint8Array(LARGE_BYTES).fill(round);
  let same = 0;
  const figure = await microsecondsEachOf(keys.length, async () => {
    for (const key of keys) {
      await store.set(key, value);
      const found = await store.get(key);
      if (found instanceof Uint8Array && found.length === value.length && found.at(-1) === round) same++;
    }
  });
  if (same !== keys.length) throw new Error(`${keys.length} large values gave ${same} back`);
  return figure;
}

/** Of a store of which the page keeps what it has read. */
async function near(keys: readonly string[]): Promise<number> {
  const stop = diskCache.keepNear(NEAR, { bytes: 64 * 2 ** 20 });
  const store = diskCache.cache<string>(NEAR);
  // With the answers to the first of them comes the lease.
  for (let time = 0; time < 2; time++) await Promise.all(keys.map((key) => store.get(key)));
  const figure = await oneByOne(keys, (key) => store.get(key));
  stop();
  return figure;
}

async function echoes(keys: readonly string[]): Promise<number> {
  return microsecondsEachOf(keys.length, async () => {
    for (const key of keys) if ((await asker.echo(key)) !== key) throw new Error('The echo was another one');
  });
}

function figureOf({ action, keys, round }: PageRequest): Promise<number> {
  switch (action) {
    case 'echo':
      return echoes(keys);
    case 'echo get':
      return oneByOne(keys, asker.echoGet);
    case 'get':
      return oneByOne(keys, (key) => diskCache.get(key));
    case 'comlink get':
      return oneByOne(keys, (key) => comlink.get(key));
    case 'get near':
      return near(keys);
    case 'gets':
      return allAtOnce(keys, (key) => diskCache.get(key));
    case 'comlink gets':
      return allAtOnce(keys, (key) => comlink.get(key));
    case 'sets':
      return setAtOnce(keys, round, (key, value) => diskCache.set(key, value));
    case 'comlink sets':
      return setAtOnce(keys, round, (key, value) => comlink.set(key, value));
    case 'large sets and gets':
      return largeValues(keys, round, diskCache);
    case 'comlink large sets and gets':
      return largeValues(keys, round, comlink as unknown as Face);
  }
}

parentPort!.on('message', async (request: PageRequest) => {
  parentPort!.postMessage({ figure: await figureOf(request) } satisfies PageReply);
});
