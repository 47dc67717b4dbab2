import { EventEmitter } from 'node:events';
import type * as Electron from 'electron';
import type { Message } from '../main/channel.ts';
import { clone } from '../main/clone.ts';
import type { Mirror } from '../mirror.ts';
import { StrictEmitter } from '../strict.ts';
import { arrival, type Crossing } from './relay.ts';

/** What the thread is given. */
export interface UtilityData {
  readonly modulePath: string;
}

export type FromMain = Crossing | 'kill';

/** `process.parentPort` of a utility process. What comes waits until somebody listens. */
export class ParentPort
  extends StrictEmitter<{ message: [event: Message] }>
  implements Mirror<Electron.ParentPort, 'postMessage'>
{
  readonly #send: (crossed: Crossing) => void;
  #waiting: Crossing[] | undefined = [];

  constructor(send: (crossed: Crossing) => void) {
    super(['message']);
    this.#send = send;
    EventEmitter.prototype.once.call(this, 'newListener', () => setImmediate(() => this.#flow()));
  }

  postMessage(message: unknown): void {
    this.#send({ data: clone(message), ports: [] });
  }

  #flow(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const crossed of waiting) this.receive(crossed);
  }

  receive(crossed: Crossing): void {
    if (this.#waiting === undefined) this.emit('message', arrival(crossed));
    else this.#waiting.push(crossed);
  }
}
