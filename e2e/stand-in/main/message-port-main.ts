import type * as Electron from 'electron';
import type { ElectronMembers } from '../type-conformance.ts';
import { GuardedEmitter } from '../unknown-member-guard.ts';
import { ChannelEnd, type PortMessage } from './channel.ts';
import { clone } from './clone.ts';

interface PortEvents {
  message: [event: PortMessage];
  close: [];
}

/**
 * A port of the main process with the restrictions of the real one (shell/browser/api/message_port.cc): it transfers nothing
 * but ports, refuses what can't be cloned at the sender, and keeps messages until `start()`.
 */
export class MessagePortMain
  extends GuardedEmitter<PortEvents>
  implements ElectronMembers<Electron.MessagePortMain, 'postMessage' | 'start' | 'close'>
{
  /** A port in the body of a message can't be cloned, because this can't. */
  readonly unclonable = (): void => {};
  #end: ChannelEnd | undefined;
  #started = false;

  constructor(end: ChannelEnd) {
    super(['message', 'close']);
    this.#end = end;
  }

  postMessage(message: unknown, transfer?: MessagePortMain[]): void {
    if (!this.#end) return;
    const data = clone(message);
    if (transfer?.includes(this)) throw new Error(`Port at index ${transfer.indexOf(this)} contains the source port.`);
    this.#end.post({ data, ports: takePorts(transfer).map((end) => new MessagePortMain(end)) });
  }

  start(): void {
    const end = this.#end;
    if (!end || this.#started) return;
    this.#started = true;
    const soon = (act: () => void) => setImmediate(() => this.#end === end && act());
    end.read({
      message: (message) => soon(() => this.emit('message', message)),
      closed: () => soon(() => this.#onClosed()),
    });
  }

  close(): void {
    this.#end?.close();
    this.#onClosed();
  }

  /** Hands the end over; this object stays behind, neutered. */
  detach(): ChannelEnd | undefined {
    const end = this.#end;
    end?.unread();
    this.#end = undefined;
    return end;
  }

  #onClosed(): void {
    if (!this.#end) return;
    this.#end = undefined;
    this.emit('close');
  }
}

/** The ends of the ports in a transfer list. @throws TypeError when it holds anything but live ports, each once. */
export function takePorts(transfer: unknown): ChannelEnd[] {
  if (transfer === undefined) return [];
  if (!Array.isArray(transfer) || !transfer.every((port) => port instanceof MessagePortMain)) {
    throw new TypeError('Invalid value for transfer');
  }
  const ports = transfer as MessagePortMain[];
  for (const [index, port] of ports.entries()) {
    if (ports.indexOf(port) !== index) throw new TypeError(`Port at index ${index} is a duplicate of an earlier port`);
  }
  return ports.map((port, index) => {
    const end = port.detach();
    if (!end) throw new TypeError(`Port at index ${index} is already neutered`);
    return end;
  });
}

export class MessageChannelMain implements ElectronMembers<Electron.MessageChannelMain, 'port1' | 'port2'> {
  readonly port1: MessagePortMain;
  readonly port2: MessagePortMain;

  constructor() {
    const [one, two] = ChannelEnd.createPair();
    this.port1 = new MessagePortMain(one);
    this.port2 = new MessagePortMain(two);
  }
}
