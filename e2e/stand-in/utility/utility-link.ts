import type { Duplex } from 'node:stream';
import { ChannelEnd, type PortMessage } from '../main/channel.ts';
import { deserialize, serialize } from '../main/clone.ts';
import { MessagePortMain } from '../main/message-port-main.ts';
import { readFrames, writeFrame } from './wire-frames.ts';

/** The id of the process itself. */
const PROCESS_TARGET = 0;
const EMPTY_PAYLOAD = new Uint8Array();

/**
 * One side of the connection between the main process and a utility process: their messages, and every port whose two ends
 * are in different processes. The end that went to the other side is held here under an id and read by this link.
 */
export class UtilityLink {
  readonly #stream: Duplex;
  readonly #ports = new Map<number, ChannelEnd>();
  /** The two sides count odd and even, so that each can name the ports it sends. */
  #lastId: number;

  constructor(stream: Duplex, side: 'main' | 'utility', listener: (message: PortMessage) => void) {
    this.#stream = stream;
    this.#lastId = side === 'main' ? 0 : 1;
    readFrames(stream, ({ kind, target, ports, payload }) => {
      if (kind === 'close') this.#closed(target);
      else {
        const message = { data: deserialize(payload), ports: ports.map((id) => this.#receivePort(id)) };
        if (target === PROCESS_TARGET) listener(message);
        else this.#ports.get(target)?.post(message);
      }
    });
  }

  /** A message for the other process itself. */
  post(message: PortMessage): void {
    this.#send(PROCESS_TARGET, message);
  }

  /** The other process is gone and has said so: every port that led there is closed. */
  closePorts(): void {
    for (const id of [...this.#ports.keys()]) this.#closed(id);
  }

  #send(target: number, { data, ports: moved }: PortMessage): void {
    const ends = moved.flatMap((port) => port.detach() ?? []);
    const ports = ends.map(() => (this.#lastId += 2));
    if (this.#stream.writable) writeFrame(this.#stream, { kind: 'post', target, ports, payload: serialize(data) });
    for (const [index, end] of ends.entries()) this.#addPort(ports[index]!, end);
  }

  #receivePort(id: number): MessagePortMain {
    const [near, far] = ChannelEnd.createPair();
    this.#addPort(id, far);
    return new MessagePortMain(near);
  }

  #addPort(id: number, end: ChannelEnd): void {
    this.#ports.set(id, end);
    end.read({
      message: (message) => this.#send(id, message),
      closed: () => {
        this.#ports.delete(id);
        if (this.#stream.writable)
          writeFrame(this.#stream, { kind: 'close', target: id, ports: [], payload: EMPTY_PAYLOAD });
      },
    });
  }

  #closed(id: number): void {
    const end = this.#ports.get(id);
    this.#ports.delete(id);
    end?.close();
  }
}
