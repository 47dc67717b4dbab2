import type { CdpSession } from '../chromium/cdp.ts';
import { decodeValue, encodeValue } from '../encode-value.ts';
import type { DocumentOpened, MessageFromPage, MessageToPage } from '../page-messages.ts';
import { ChannelEnd } from './channel.ts';
import { MessagePortMain } from './message-port-main.ts';

/** Where a document lives: a DevTools target and the isolated world in it. */
export interface ScriptWorld {
  readonly session: CdpSession;
  readonly context: number;
  readonly frameId: string;
}

const RECEIVE_FUNCTION = 'function (message) { standIn.receive(message); }';
const ANSWER_FUNCTION = 'function (given) { standIn.answer(given); }';
let lastPort = 0;

/**
 * The isolated world of one live document: the other side of each ipc message and of each port that went to the page.
 * Invariant: when the document ends, every channel it held an end of is closed.
 */
export class PageDocument {
  readonly world: ScriptWorld;
  readonly opened: DocumentOpened;
  readonly #ends = new Map<string, ChannelEnd>();
  #ended = false;
  /** Messages for a document that stands still in `sendSync`. */
  #held: MessageToPage[] | undefined;

  constructor(world: ScriptWorld, opened: DocumentOpened) {
    this.world = world;
    this.opened = opened;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Messages of one channel in one call of the page's side, in order. `ends` become ports of the page. */
  send(channel: string, args: unknown, ends: readonly ChannelEnd[] = []): void {
    const ports = ends.map(() => `main-${++lastPort}`);
    this.#evaluate({ kind: 'ipc', channel, value: encodeValue(args), ports });
    for (const [index, end] of ends.entries()) this.#hold(ports[index]!, end);
  }

  /** The document stands still until `answer`: other messages wait, as they do in Electron. */
  stand(): void {
    this.#held = [];
  }

  async answer(given: { readonly value: string } | { readonly error: string }): Promise<void> {
    const { session } = this.world;
    // One after the other: `resume` overtakes commands that run scripts. Both fail in a document that has gone away.
    await this.#callFunction(ANSWER_FUNCTION, given).catch(() => {});
    await session.send('Debugger.resume').catch(() => {});
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const message of held) this.#evaluate(message);
  }

  /** A message of the page's side about a port; ipc messages are the frame tree's business. */
  receive(message: MessageFromPage): void {
    if (message.kind === 'post') {
      this.#ends.get(message.port)?.post({ data: decodeValue(message.value), ports: this.takePorts(message.ports) });
    } else if (message.kind === 'close') {
      this.#ends.get(message.port)?.close();
      this.#ends.delete(message.port);
    }
  }

  /** Ports the page sent along: it keeps the far ends under the ids it chose. */
  takePorts(ids: readonly string[]): MessagePortMain[] {
    return ids.map((id) => {
      const [far, near] = ChannelEnd.createPair();
      this.#hold(id, far);
      return new MessagePortMain(near);
    });
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const end of this.#ends.values()) end.close();
    this.#ends.clear();
  }

  #hold(id: string, end: ChannelEnd): void {
    this.#ends.set(id, end);
    end.read({
      message: ({ data, ports }) => {
        const ends = ports.flatMap((port) => port.detach() ?? []);
        const ids = ends.map(() => `main-${++lastPort}`);
        this.#evaluate({ kind: 'post', port: id, value: encodeValue(data), ports: ids });
        for (const [index, moved] of ends.entries()) this.#hold(ids[index]!, moved);
      },
      closed: () => {
        this.#ends.delete(id);
        this.#evaluate({ kind: 'close', port: id });
      },
    });
  }

  #evaluate(message: MessageToPage): void {
    if (this.#ended) return;
    // A document that goes away while the message is under way takes it along; its end is reported by other events.
    if (this.#held === undefined) this.#callFunction(RECEIVE_FUNCTION, message).catch(() => {});
    else this.#held.push(message);
  }

  #callFunction(functionDeclaration: string, value: object): Promise<unknown> {
    const { session, context } = this.world;
    const call = { functionDeclaration, executionContextId: context, arguments: [{ value }] };
    return session.send('Runtime.callFunctionOn', call);
  }
}
