import { DiskCacheError, fromErrorData } from '../protocol/error.ts';
import {
  isGoodbye,
  isResponseMessage,
  type Operation,
  type OperationResults,
  type Receipt,
  type RequestMessage,
} from '../protocol/wire.ts';

/** What the client needs of a port: a page's `MessagePort` is one, and so is Node's. */
export interface MessagePortLike {
  postMessage(message: unknown): void;
  addEventListener(type: string, listener: (event: { readonly data?: unknown }) => void): void;
  removeEventListener(type: string, listener: (event: { readonly data?: unknown }) => void): void;
  start(): void;
  close(): void;
}

/** Who hears what comes without having been asked for. */
export interface ConnectionListener {
  /** Once: the other side said goodbye, or the line was cut without a word. */
  onEnd(reason: DiskCacheError, wasCut: boolean): void;
  /** Any other message than an answer or the end. */
  onMessage(message: unknown): void;
}

interface PendingRequest {
  /** The first of the answer's values, which came ahead. */
  readonly values: unknown[];
  resolve(results: OperationResults): void;
  reject(error: unknown): void;
}

/** One port to the main process, while it lasts. What is open when it ends stays open: its listener hears of the end. */
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
      // Negative: the answer may come in parts.
      const [id, values] = [--this.#lastId, [] as unknown[]];
      // First: postMessage throws for what can't be cloned, and no answer will come.
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

  #end(reason: DiskCacheError, wasCut: boolean): void {
    if (!this.#open) return;
    this.close();
    this.#listener.onEnd(reason, wasCut);
  }
}

const peerGone = () =>
  new DiskCacheError('DISCONNECTED', 'The main process has gone; a write may have been made or not');
