/**
 * The utility process on a thread: its module as it is, with ports of threads in the place of Electron's. Not a process, because
 * a port to one would lead through the main process, whose delay is measured here; in Electron it leads there straight.
 */
import { EventEmitter } from 'node:events';
import { type MessagePort, parentPort } from 'node:worker_threads';
import type { Command, EngineEvent } from '../../main/electron/utility/engine-messages.ts';

/** What the main process posts. */
export interface ParentMessage {
  readonly order: Command;
  readonly ports: readonly MessagePort[];
}

/** A port as Electron's main process has it. */
class PortMain extends EventEmitter {
  readonly #port: MessagePort;

  constructor(port: MessagePort) {
    super();
    this.#port = port;
    port.on('close', () => this.emit('close'));
  }

  start(): void {
    this.#port.on('message', (data) => this.emit('message', { data, ports: [] }));
  }

  postMessage(message: unknown): void {
    this.#port.postMessage(message);
  }

  close(): void {
    this.#port.close();
  }
}

const fromMain = Object.assign(new EventEmitter(), {
  postMessage: (report: EngineEvent) => parentPort!.postMessage(report),
});
Object.defineProperty(process, 'parentPort', { value: fromMain });
await import('../../main/utility.ts');
parentPort!.on('message', ({ order, ports }: ParentMessage) => {
  fromMain.emit('message', { data: order, ports: ports.map((port) => new PortMain(port)) });
});
