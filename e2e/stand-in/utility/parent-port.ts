import { EventEmitter } from 'node:events';
import type * as Electron from 'electron';
import type { PortMessage } from '../main/channel.ts';
import { clone } from '../main/clone.ts';
import type { ElectronMembers } from '../type-conformance.ts';
import { GuardedEmitter } from '../unknown-member-guard.ts';

/** `process.parentPort` of a utility process. Messages wait for the first listener, as in Electron (lib/utility/init.ts). */
export class ParentPort
  extends GuardedEmitter<{ message: [event: PortMessage] }>
  implements ElectronMembers<Electron.ParentPort, 'postMessage'>
{
  readonly #send: (message: PortMessage) => void;
  #waiting: PortMessage[] = [];
  #isStarted = false;

  constructor(send: (message: PortMessage) => void) {
    super(['message']);
    this.#send = send;
    const { on } = EventEmitter.prototype;
    on.call(this, 'newListener', (event: string) => event === 'message' && setImmediate(() => this.#start()));
    on.call(this, 'removeListener', (event: string) => {
      if (event === 'message' && this.listenerCount('message') === 0) this.#isStarted = false;
    });
  }

  postMessage(message: unknown): void {
    this.#send({ data: clone(message), ports: [] });
  }

  receive(message: PortMessage): void {
    if (this.#isStarted) this.emit('message', message);
    else this.#waiting.push(message);
  }

  #start(): void {
    this.#isStarted = this.listenerCount('message') > 0;
    while (this.#isStarted && this.#waiting.length > 0) this.emit('message', this.#waiting.shift()!);
  }
}
