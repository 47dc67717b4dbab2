import { EventEmitter } from 'node:events';
import type * as Electron from 'electron';
import type { Message } from '../main/channel.ts';
import { clone } from '../main/clone.ts';
import type { Mirror } from '../mirror.ts';
import { StrictEmitter } from '../strict.ts';

/** `process.parentPort` of a utility process. Messages wait for the first listener, as in Electron (lib/utility/init.ts). */
export class ParentPort
  extends StrictEmitter<{ message: [event: Message] }>
  implements Mirror<Electron.ParentPort, 'postMessage'>
{
  readonly #send: (message: Message) => void;
  #waiting: Message[] = [];
  #flows = false;

  constructor(send: (message: Message) => void) {
    super(['message']);
    this.#send = send;
    const { on } = EventEmitter.prototype;
    on.call(this, 'newListener', (event: string) => event === 'message' && setImmediate(() => this.#flow()));
    on.call(this, 'removeListener', (event: string) => {
      if (event === 'message' && this.listenerCount('message') === 0) this.#flows = false;
    });
  }

  postMessage(message: unknown): void {
    this.#send({ data: clone(message), ports: [] });
  }

  receive(message: Message): void {
    if (this.#flows) this.emit('message', message);
    else this.#waiting.push(message);
  }

  #flow(): void {
    this.#flows = this.listenerCount('message') > 0;
    while (this.#flows && this.#waiting.length > 0) this.emit('message', this.#waiting.shift()!);
  }
}
