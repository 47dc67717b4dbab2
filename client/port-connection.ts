import { DiskCacheError, fromErrorData } from '../protocol/error.ts';
import {
  isGoodbye,
  isResponseMessage,
  type Operation,
  type OperationResults,
  type Receipt,
  type RequestMessage,
} from '../protocol/wire.ts';

/** The part of a port that the client uses: a page's `MessagePort` has it, and so has Node's. */
export interface MessagePortLike {
  postMessage(message: unknown): void;
  addEventListener(type: string, listener: (event: { readonly data?: unknown }) => void): void;
  removeEventListener(type: string, listener: (event: { readonly data?: unknown }) => void): void;
  start(): void;
  close(): void;
}

/** Receives messages that are not responses. */
export interface ConnectionListener {
  /** Called once: the other side said goodbye, or the connection dropped without one (`wasDropped`). */
  onEnd(reason: DiskCacheError, wasDropped: boolean): void;
  /** Called with any message except responses and the goodbye. */
  onMessage(message: unknown): void;
}

interface PendingRequest {
  /** The first values of the response, which arrived in parts before it. */
  readonly values: unknown[];
  resolve(results: OperationResults): void;
  reject(error: unknown): void;
}

/*
 * The frequent calls have messages of their own, flat arrays: structured clone pays for each object and each name. Everything rare on this
 * port uses comlink (comlink-api.ts).
 */

/** A connection to the main process over one port. Requests that are pending at its end don't settle: the listener settles them. */
export class PortConnection {
  readonly port: MessagePortLike;
  /** Called once the port is closed. */
  onClose: (() => void) | undefined;
  readonly #listener: ConnectionListener;
  readonly #pending = new Map<number, PendingRequest>();
  #lastId = 0;
  #open = true;

  constructor(port: MessagePortLike, listener: ConnectionListener) {
    this.port = port;
    this.#listener = listener;
    port.addEventListener('message', ({ data }) => this.#receive(data));
    port.addEventListener('close', () => this.#end(peerGone(), true));
    port.start();
  }

  send(operations: readonly Operation[]): Promise<OperationResults> {
    return new Promise((resolve, reject) => {
      // Negative: the response may come in parts.
      const [id, values] = [--this.#lastId, [] as unknown[]];
      // First: if postMessage throws, because something can't be cloned, no response will arrive.
      this.port.postMessage([id, operations] satisfies RequestMessage);
      this.#pending.set(id, { values, resolve, reject });
    });
  }

  get isOpen(): boolean {
    return this.#open;
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.port.close();
    this.onClose?.();
  }

  #receive(data: unknown): void {
    if (!this.#open) return;
    if (isResponseMessage(data)) {
      const [id, values, failures, receipt] = data;
      const waiting = this.#pending.get(id);
      if ('refused' in values) waiting?.reject(fromErrorData(values.refused));
      else {
        waiting?.values.push(...values);
        if (!failures) return;
        waiting?.resolve({ values: waiting.values, failures });
      }
      this.#pending.delete(id);
      if (receipt) this.port.postMessage([receipt] satisfies Receipt);
    } else if (isGoodbye(data)) this.#end(fromErrorData(data.reason), false);
    else this.#listener.onMessage(data);
  }

  #end(reason: DiskCacheError, wasDropped: boolean): void {
    if (!this.#open) return;
    this.close();
    this.#listener.onEnd(reason, wasDropped);
  }
}

const peerGone = () =>
  new DiskCacheError('DISCONNECTED', 'The main process has gone; writes may or may not have been made');
