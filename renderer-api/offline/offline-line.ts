import { type Remote, releaseProxy, wrap } from 'comlink';
import { DiskCacheError, fromErrorData } from '../../protocol/error.ts';
import { type Fault, isConnectionNews, isOurs, type OfflineFace, type Reply } from '../../protocol/offline.ts';
import { isGoodbye } from '../../protocol/wire.ts';
import type { Port } from '../client/line.ts';

/** Who hears what comes without having been asked for. */
export interface OfflineLineListener {
  /** Once: the other side said goodbye or has gone. */
  onEnd(reason: DiskCacheError): void;
  onConnection(online: boolean): void;
}

type Asking = {
  [M in keyof OfflineFace]: ReturnType<OfflineFace[M]> extends Promise<Reply<infer T>>
    ? { readonly argument: Parameters<OfflineFace[M]>[0]; readonly value: T }
    : never;
};
/** The methods that are answered. */
export type Question = { [M in keyof Asking]: [Asking[M]] extends [never] ? never : M }[keyof Asking];

/**
 * One port of the second kind to the main process, while it lasts.
 *
 * Invariant: what was asked settles, at the latest with the line's end.
 */
export class OfflineLine {
  readonly #port: Port;
  readonly #face: Remote<OfflineFace>;
  readonly #listener: OfflineLineListener;
  readonly #open = new Set<(reason: DiskCacheError) => void>();
  readonly #ended = new AbortController();

  constructor(port: Port, listener: OfflineLineListener) {
    this.#port = port;
    this.#listener = listener;
    this.#face = wrap<OfflineFace>(port as Parameters<typeof wrap>[0]);
    port.addEventListener('message', ({ data }) => {
      if (isGoodbye(data)) this.#end(fromErrorData(data.reason));
      else if (isConnectionNews(data)) listener.onConnection(data.online);
    });
    port.addEventListener('close', () => this.#end(new DiskCacheError('DISCONNECTED', 'The main process has gone')));
    port.start();
  }

  /** Aborted at its end, with the reason. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  /** @throws {DiskCacheError} what the main process refuses it for; the standard's errors as they are. */
  ask<M extends Question>(method: M, argument: Asking[M]['argument']): Promise<Asking[M]['value']> {
    return new Promise((resolve, reject) => {
      if (this.ended.aborted) return reject(this.ended.reason);
      this.#open.add(reject);
      const asked = this.#face[method] as (argument: unknown) => Promise<Reply<Asking[M]['value']>>;
      asked(argument)
        .then((reply) => {
          if ('receipt' in reply && !this.ended.aborted) this.#port.postMessage([reply.receipt]);
          resolve(outcome(reply));
        })
        .catch(reject)
        .finally(() => this.#open.delete(reject));
    });
  }

  /** Says what nobody waits for. */
  tell(method: 'abort' | 'cancel', number: number): void {
    if (!this.ended.aborted) void this.#face[method](number);
  }

  close(reason: DiskCacheError): void {
    if (this.ended.aborted) return;
    this.#port.close();
    // As in `Line`: comlink's registry would hold all that hangs on this line.
    this.#face[releaseProxy]();
    for (const reject of this.#open) reject(reason);
    this.#open.clear();
    this.#ended.abort(reason);
  }

  #end(reason: DiskCacheError): void {
    if (this.ended.aborted) return;
    this.close(reason);
    this.#listener.onEnd(reason);
  }
}

function outcome<T>(reply: Reply<T>): T {
  if ('value' in reply) return reply.value;
  throw errorFrom('refused' in reply ? reply.refused : reply.fault);
}

function errorFrom(fault: Fault): Error {
  if (isOurs(fault)) return fromErrorData(fault);
  const { exception, message } = fault;
  return exception === 'TypeError' ? new TypeError(message) : new DOMException(message, exception);
}
