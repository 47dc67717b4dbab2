import { EventEmitter } from 'node:events';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { MessagePortLike } from '../../client/port-connection.ts';
import { app } from './electron-double.ts';

/**
 * The Electron of `electron-double.ts` with ports that work: `vi.mock('electron', () => import('./real-ports.ts'))`. What the page has in
 * its hands is Node's own port.
 */
export { app };

class MessagePortMain extends EventEmitter {
  readonly #port: MessagePort;

  constructor(port: MessagePort) {
    super();
    this.#port = port;
    port.on('message', (data) => this.emit('message', { data, ports: [] }));
    port.on('close', () => this.emit('close'));
  }

  start(): void {
    this.#port.start();
  }

  postMessage(message: unknown): void {
    this.#port.postMessage(message);
  }

  close(): void {
    this.#port.close();
  }
}

export class MessageChannelMain {
  readonly port1: MessagePortMain;
  readonly port2: MessagePortLike;

  constructor() {
    const { port1, port2 } = new MessageChannel();
    this.port1 = new MessagePortMain(port1);
    this.port2 = port2 as unknown as MessagePortLike;
  }
}

/** Ports that are open in this process, both ends counted. */
export const openPorts = (): number => process.getActiveResourcesInfo().filter((it) => it === 'MessagePort').length;
