import type { Duplex } from 'node:stream';
import { End, type Message } from '../main/channel.ts';
import { deserialize, serialize } from '../main/clone.ts';
import { MessagePortMain } from '../main/message-port-main.ts';
import { readFrames, writeFrame } from './frames.ts';

/** The id of the process itself. */
const PROCESS = 0;
const NOTHING = new Uint8Array();

/**
 * One side of the connection between the main process and a utility process: their messages, and every port whose two ends
 * are in different processes. The end that went to the other side is held here under an id and read by this link.
 */
export class Link {
  readonly #stream: Duplex;
  readonly #held = new Map<number, End>();
  /** The two sides count odd and even, so that each can name the ports it sends. */
  #lastId: number;

  constructor(stream: Duplex, side: 'main' | 'utility', listener: (message: Message) => void) {
    this.#stream = stream;
    this.#lastId = side === 'main' ? 0 : 1;
    readFrames(stream, ({ kind, target, ports, payload }) => {
      if (kind === 'close') this.#closed(target);
      else {
        const message = { data: deserialize(payload), ports: ports.map((id) => this.#receivePort(id)) };
        if (target === PROCESS) listener(message);
        else this.#held.get(target)?.post(message);
      }
    });
  }

  /** A message for the other process itself. */
  post(message: Message): void {
    this.#send(PROCESS, message);
  }

  /** The other process is gone and has said so: every port that led there is closed. */
  closePorts(): void {
    for (const id of [...this.#held.keys()]) this.#closed(id);
  }

  #send(target: number, { data, ports: moved }: Message): void {
    const ends = moved.flatMap((port) => port.detach() ?? []);
    const ports = ends.map(() => (this.#lastId += 2));
    if (this.#stream.writable) writeFrame(this.#stream, { kind: 'post', target, ports, payload: serialize(data) });
    for (const [index, end] of ends.entries()) this.#hold(ports[index]!, end);
  }

  #receivePort(id: number): MessagePortMain {
    const [near, far] = End.pair();
    this.#hold(id, far);
    return new MessagePortMain(near);
  }

  #hold(id: number, end: End): void {
    this.#held.set(id, end);
    end.read({
      message: (message) => this.#send(id, message),
      closed: () => {
        this.#held.delete(id);
        if (this.#stream.writable) writeFrame(this.#stream, { kind: 'close', target: id, ports: [], payload: NOTHING });
      },
    });
  }

  #closed(id: number): void {
    const end = this.#held.get(id);
    this.#held.delete(id);
    end?.close();
  }
}
