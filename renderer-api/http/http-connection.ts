import { type RemoteApi, wrapApi } from '../../client/comlink-api.ts';
import type { MessagePortLike } from '../../client/port-connection.ts';
import { DiskCacheError, fromErrorData } from '../../protocol/error.ts';
import { type HttpApi, type HttpFault, isConnectionMessage, isErrorFault, type Reply } from '../../protocol/http.ts';
import { isGoodbye } from '../../protocol/wire.ts';

/** Receives the messages that are not replies. */
export interface HttpConnectionListener {
  /** Called once, when the other side has said goodbye or has gone. */
  onEnd(reason: DiskCacheError): void;
  onConnection(online: boolean): void;
}

type RequestTypes = {
  [M in keyof HttpApi]: ReturnType<HttpApi[M]> extends Promise<Reply<infer T>>
    ? { readonly argument: Parameters<HttpApi[M]>[0]; readonly value: T }
    : never;
};
/** The methods that return a reply. */
export type RequestMethod = {
  [M in keyof RequestTypes]: [RequestTypes[M]] extends [never] ? never : M;
}[keyof RequestTypes];

/**
 * A port for HTTP calls to the main process, for its lifetime.
 *
 * Invariant: every request settles, at the latest when the connection ends.
 */
export class HttpConnection {
  readonly #port: MessagePortLike;
  readonly #remote: RemoteApi<HttpApi>;
  readonly #listener: HttpConnectionListener;
  readonly #pending = new Set<(reason: DiskCacheError) => void>();
  readonly #ended = new AbortController();

  constructor(port: MessagePortLike, listener: HttpConnectionListener) {
    this.#port = port;
    this.#listener = listener;
    this.#remote = wrapApi(port);
    port.addEventListener('message', ({ data }) => {
      if (isGoodbye(data)) this.#end(fromErrorData(data.reason));
      else if (isConnectionMessage(data)) listener.onConnection(data.online);
    });
    port.addEventListener('close', () => this.#end(new DiskCacheError('DISCONNECTED', 'The main process has gone')));
    port.start();
  }

  /** Aborted with the reason when the connection ends. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  /** @throws {DiskCacheError} as the main process refuses the request; TypeError and DOMException as they are. */
  request<M extends RequestMethod>(
    method: M,
    argument: RequestTypes[M]['argument'],
  ): Promise<RequestTypes[M]['value']> {
    return new Promise((resolve, reject) => {
      if (this.ended.aborted) return reject(this.ended.reason);
      this.#pending.add(reject);
      const call = this.#remote.api[method] as (argument: unknown) => Promise<Reply<RequestTypes[M]['value']>>;
      call(argument)
        .then((reply) => {
          if ('receipt' in reply && !this.ended.aborted) this.#port.postMessage([reply.receipt]);
          resolve(unwrapReply(reply));
        })
        .catch(reject)
        .finally(() => this.#pending.delete(reject));
    });
  }

  /** Posts a message without a reply. */
  notify(method: 'abort' | 'cancel', number: number): void {
    if (!this.ended.aborted) void this.#remote.api[method](number);
  }

  close(reason: DiskCacheError): void {
    if (this.ended.aborted) return;
    this.#port.close();
    this.#remote.release();
    for (const reject of this.#pending) reject(reason);
    this.#pending.clear();
    this.#ended.abort(reason);
  }

  #end(reason: DiskCacheError): void {
    if (this.ended.aborted) return;
    this.close(reason);
    this.#listener.onEnd(reason);
  }
}

function unwrapReply<T>(reply: Reply<T>): T {
  if ('value' in reply) return reply.value;
  throw toError('refused' in reply ? reply.refused : reply.fault);
}

function toError(fault: HttpFault): Error {
  if (isErrorFault(fault)) return fromErrorData(fault);
  const { exception, message } = fault;
  return exception === 'TypeError' ? new TypeError(message) : new DOMException(message, exception);
}
