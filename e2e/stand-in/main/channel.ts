import type { MessagePortMain } from './message-port-main.ts';

export interface PortMessage {
  readonly data: unknown;
  readonly ports: MessagePortMain[];
}

/** Whoever reads from an end at the moment: a started port of this process, or the document the port went to. */
export interface ChannelReader {
  message(message: PortMessage): void;
  closed(): void;
}

/**
 * One end of a channel, wherever its port object lives.
 * Invariant: messages are delivered in order; messages without a reader wait.
 */
export class ChannelEnd {
  #peer: ChannelEnd | undefined;
  #reader: ChannelReader | undefined;
  #queued: PortMessage[] = [];
  #state: 'open' | 'peer closed' | 'closed' = 'open';

  static createPair(): [ChannelEnd, ChannelEnd] {
    const pair: [ChannelEnd, ChannelEnd] = [new ChannelEnd(), new ChannelEnd()];
    pair[0].#peer = pair[1];
    pair[1].#peer = pair[0];
    return pair;
  }

  /** Posts to the other end; ignored after a close. */
  post(message: PortMessage): void {
    if (this.#state === 'open') this.#peer?.receive(message);
  }

  receive(message: PortMessage): void {
    if (this.#state === 'closed') return;
    if (this.#reader) this.#reader.message(message);
    else this.#queued.push(message);
  }

  read(reader: ChannelReader): void {
    this.#reader = reader;
    for (const message of this.#queued.splice(0)) reader.message(message);
    if (this.#state === 'peer closed') reader.closed();
  }

  /** The port is on its way to another owner. */
  unread(): void {
    this.#reader = undefined;
  }

  close(): void {
    if (this.#state === 'closed') return;
    const peerIsOpen = this.#state === 'open';
    this.#state = 'closed';
    this.#queued = [];
    if (peerIsOpen) this.#peer?.onPeerClosed();
  }

  onPeerClosed(): void {
    if (this.#state !== 'open') return;
    this.#state = 'peer closed';
    this.#reader?.closed();
  }
}
