import type { MessagePort } from 'node:worker_threads';
import { parentPort, workerData } from 'node:worker_threads';
import fc from 'fast-check';
import { hostileMessage } from '../bridge/hostile-messages.ts';

/*
 * The page of test/torture/hostile.ts, in a thread of its own: what it costs itself is not measured. It asks its parent for ports, one
 * after the other, and sends to the last of them.
 */

const MIB = 2 ** 20;
/** Messages it sends ahead of what the main process has read; the buffer of a port is not part of the product. */
const MAX_AHEAD = 250;
const PAUSE_MS = 5;
const { messages, seed, received } = workerData as {
  readonly messages: number;
  readonly seed: number;
  readonly received: Int32Array;
};
const parent = parentPort!;

let id = 0;
const call = (method: string, value: unknown) => ({
  id: `c${++id}`,
  type: 'APPLY',
  path: [method],
  argumentList: [{ type: 'RAW', value }],
});
/** Every other one takes its answer in parts. */
const request = (...operations: unknown[][]) => [++id % 2 === 0 ? id : -id, operations];
const times = <T>(many: number, make: (n: number) => T): T[] => Array.from({ length: many }, (_, n) => make(n));
const shared = new Uint8Array(30_000);
const value = new Uint8Array(50_000);
const large = new Uint8Array(MIB);
const numbers = times(200_000, (n) => n % 60);

/** Small messages that cost far more than they are. */
const AMPLIFIERS: readonly (() => unknown)[] = [
  () => request(['read', 'getMany', times(2000, () => 'large')]),
  () => request(...times(300, () => ['read', 'get', 'large'])),
  () => request(['read', 'batch', times(300, () => ({ get: ['large'] }))]),
  () => request(...times(100, () => ['list', 'count', 'nothing'])),
  () => request(...times(200, () => ['read', 'volume'])),
  () => request(...times(100, () => ['read', 'get', 'x'.repeat(70_000)])),
  () => request(['own', 'setMany', times(1000, (n) => [n, shared])]),
  () => request(['own', 'set', `k${id}`, value]),
  () => request(['own', 'set', 'numbers', numbers]),
  () => request(...times(40, () => ['own', 'get', 'numbers'])),
  () => request(['own', 'getMany', times(40, () => 'numbers')]),
  () => request(['own', 'set', 'k', Object.assign(new Error('e'), { stack: 'x'.repeat(50_000) })]),
  () => request(['own', 'batch', times(20, (n) => ({ set: [n, shared] }))]),
  () => request(['own', 'push', 1, { tag: 'x'.repeat(20_000) }]),
  () => request(['own', 'openUpload', `u${id}`]),
  () => request(['read', 'openStream', 'large']),
  () => request(['secret', 'set', 'k', large]),
  () => call('watch', { id, store: 'read', range: { from: id } }),
  () => call('watch', { id, store: 'own', range: {} }),
  () => call('near', 'own'),
  () => call('near', 'read'),
  () => call('seen', id),
  () => ({ odd: large }),
];

/** The same sequence for the same seed (xorshift). */
function createRandomInt(start: number): (below: number) => number {
  let state = start * 2654435761 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

const random = createRandomInt(seed);
const oddMessages = fc.sample(hostileMessage, { numRuns: 1000, seed });
let sent = 0;
let last: MessagePort | undefined;

parent.on('message', ({ port }: { readonly port: MessagePort }) => {
  last = port;
  // Every other port takes none of its answers.
  if (random(2) === 0) {
    port.on('message', (message) => {
      // Late to drop, and no receipts.
      if (message?.deskcache === 'stale') setTimeout(() => port.postMessage(call('dropped', message.number)), 690);
    });
  }
  const lost = sent - Atomics.load(received, 0);
  const burst = (): void => {
    while (last === port && sent < messages && sent - lost - Atomics.load(received, 0) < MAX_AHEAD) {
      const message =
        random(20) === 0 ? AMPLIFIERS[random(AMPLIFIERS.length)]!() : oddMessages[random(oddMessages.length)];
      try {
        port.postMessage(message);
        sent++;
      } catch {
        // What structured clone refuses no page can send.
      }
    }
    if (sent >= messages) parent.postMessage({ sent });
    else if (last === port) setTimeout(burst, PAUSE_MS);
  };
  burst();
});
// What it needs to begin was loaded.
parent.postMessage({ sent });
