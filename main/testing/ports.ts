import { EventEmitter } from 'node:events';
import type { MessagePort } from 'node:worker_threads';
import type { MessagePortMain } from 'electron';
import type { MessagePortLike } from '../../client/port-connection.ts';
import { toOwnRealm } from '../engine/internal.ts';

/** A Node port with the events of Electron's `MessagePortMain`, which the engine uses. */
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
 * A page's end of a Node port. Its messages are objects of the realm that the test runs in, and it has listeners of its own: a page of jsdom
 * dispatches events of jsdom, which Node's ports don't take.
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
