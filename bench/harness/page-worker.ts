import { once } from 'node:events';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { expose } from 'comlink';
import { FULL_GRANT } from '../../main/bridge/grant.ts';
import { openSession } from '../../main/bridge/session.ts';
import type { Cache } from '../../main/engine/index.ts';
import type { PageAction, PageData, PageReply, PageRequest } from '../peer/page-worker.ts';
import { toKey, toKeys } from './keys-and-values.ts';

/** A worker thread with one port per way of reaching the engine. */
export class PageWorker implements AsyncDisposable {
  readonly #cache: Cache<string>;
  readonly #worker: Worker;

  constructor(cache: Cache<string>) {
    this.#cache = cache;
    const [bridge, comlink, echo, echoGet] = Array.from({ length: 4 }, () => new MessageChannel()) as [
      MessageChannel,
      MessageChannel,
      MessageChannel,
      MessageChannel,
    ];
    openSession(bridge.port1 as unknown as Parameters<typeof openSession>[0], FULL_GRANT, () => cache as Cache);
    expose(cache, comlink.port1 as unknown as Parameters<typeof expose>[1]);
    answerRequests(echo.port1, (key) => key);
    answerRequests(echoGet.port1, (key) => cache.get(key));
    const ports = { bridge: bridge.port2, comlink: comlink.port2, echo: echo.port2, echoGet: echoGet.port2 };
    this.#worker = new Worker(new URL('../peer/page-worker.ts', import.meta.url), {
      workerData: { ports } satisfies PageData,
      transferList: Object.values(ports),
    });
  }

  /** Microseconds per call, by the page's clock. */
  async time(action: PageAction, round: number, indices: Uint32Array): Promise<number> {
    this.#worker.postMessage({ action, keys: toKeys(indices), round } satisfies PageRequest);
    const [reply] = (await once(this.#worker, 'message')) as [PageReply];
    if (/ ?sets?$/.test(action)) this.#assertSets(indices, round);
    return reply.figure;
  }

  /** What the page has set is here. */
  #assertSets(indices: Uint32Array, round: number): void {
    for (const index of indices) {
      const value = this.#cache.get(toKey(index));
      if (!(value instanceof Uint8Array) || value.length !== 100 || value[0] !== round) {
        throw new Error(`${toKey(index)} is ${String(value)} after it was set in round ${round}`);
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }
}

function answerRequests(port: MessagePort, reply: (key: string) => unknown): void {
  port.on('message', (key: string) => port.postMessage(reply(key)));
}
