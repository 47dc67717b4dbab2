import { EventEmitter } from 'node:events';
import type { MessagePort } from 'node:worker_threads';
import type { MessagePortMain } from 'electron';
import type { MessagePortLike } from '../../client/port-connection.ts';
import { toOwnRealm } from '../engine/internal.ts';

/** Wraps a Node port as a `MessagePortMain` of Electron, as far as the engine uses it. */
export function toPortMain(port: MessagePort): MessagePortMain {
  const events = new EventEmitter();
  port.on('message', (data) => events.emit('message', { data: toOwnRealm(data), ports: [] }));
  port.on('close', () => events.emit('close'));
  const portMain = Object.assign(events, {
    start: () => port.start(),
    postMessage: (message: unknown) => port.postMessage(message),
    close: () => port.close(),
  });
  return portMain as unknown as MessagePortMain;
}

interface PortEvent {
  readonly type: string;
  readonly data?: unknown;
}

type PortListener = (event: PortEvent) => void;

/**
 * A page's end of a Node port. It converts messages to objects of the test's realm. It dispatches events by itself, because a page of jsdom
 * dispatches jsdom's own, which Node's ports refuse.
 */
export class PagePort implements MessagePortLike {
  readonly #port: MessagePort;
  readonly #listeners = new Map<string, Map<PortListener, boolean>>();
  #isStarted = false;

  constructor(port: MessagePort) {
    this.#port = port;
    port.on('close', () => this.dispatchEvent({ type: 'close' }));
  }

  addEventListener(type: string, listener: PortListener, { once = false }: { readonly once?: boolean } = {}): void {
    const listeners = this.#listeners.get(type) ?? new Map<PortListener, boolean>();
    this.#listeners.set(type, listeners);
    if (!listeners.has(listener)) listeners.set(listener, once);
  }

  removeEventListener(type: string, listener: PortListener): void {
    this.#listeners.get(type)?.delete(listener);
  }

  dispatchEvent(event: PortEvent): boolean {
    const listeners = this.#listeners.get(event.type);
    for (const [listener, once] of [...(listeners ?? [])]) {
      if (once) listeners?.delete(listener);
      listener(event);
    }
    return true;
  }

  postMessage(message: unknown): void {
    this.#port.postMessage(message);
  }

  start(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    this.#port.on('message', (data) => this.dispatchEvent({ type: 'message', data: toOwnRealm(data) }));
  }

  close(): void {
    this.#port.close();
  }
}
