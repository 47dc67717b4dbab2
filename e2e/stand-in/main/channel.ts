import type { MessagePortMain } from './message-port-main.ts';

export interface Message {
  readonly data: unknown;
  readonly ports: MessagePortMain[];
}

/** Whoever reads from an end at the moment: a started port of this process, or the document the port went to. */
export interface Reader {
  message(message: Message): void;
  closed(): void;
}

/**
 * One end of a channel, wherever the port object that stands for it lives.
 * Invariant: messages leave in the order they came; what comes while nobody reads waits.
 */
export class End {
  #peer: End | undefined;
  #reader: Reader | undefined;
  #waiting: Message[] = [];
  #state: 'open' | 'peer closed' | 'closed' = 'open';

  static pair(): [End, End] {
    const pair: [End, End] = [new End(), new End()];
    pair[0].#peer = pair[1];
    pair[1].#peer = pair[0];
    return pair;
  }

  /** To whoever reads at the other end; nothing happens after a close. */
  post(message: Message): void {
    if (this.#state === 'open') this.#peer?.receive(message);
  }

  receive(message: Message): void {
    if (this.#state === 'closed') return;
    if (this.#reader) this.#reader.message(message);
    else this.#waiting.push(message);
  }

  read(reader: Reader): void {
    this.#reader = reader;
    for (const message of this.#waiting.splice(0)) reader.message(message);
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
    this.#waiting = [];
    if (peerIsOpen) this.#peer?.peerClosed();
  }

  peerClosed(): void {
    if (this.#state !== 'open') return;
    this.#state = 'peer closed';
    this.#reader?.closed();
  }
}
