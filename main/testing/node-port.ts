import { EventEmitter } from 'node:events';
import type { MessagePort } from 'node:worker_threads';
import type { MessagePortMain } from 'electron';

/** A port of Node with the events of Electron's `MessagePortMain`, which the engine takes. */
export function toPortMain(port: MessagePort): MessagePortMain {
  const events = new EventEmitter();
  port.on('message', (data) => events.emit('message', { data, ports: [] }));
  port.on('close', () => events.emit('close'));
  const portMain = Object.assign(events, {
    start: () => port.start(),
    postMessage: (message: unknown) => port.postMessage(message),
    close: () => port.close(),
  });
  return portMain as unknown as MessagePortMain;
}
