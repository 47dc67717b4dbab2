import type { CdpSession } from '../chromium/cdp.ts';
import { decode, encode } from '../values.ts';
import type { DocumentOpened, FromPage, ToPage } from '../wire.ts';
import { End } from './channel.ts';
import { MessagePortMain } from './message-port-main.ts';

/** Where a document lives: a DevTools target and the isolated world in it. */
export interface World {
  readonly session: CdpSession;
  readonly context: number;
  readonly frameId: string;
}

const RECEIVE = 'function (message) { standIn.receive(message); }';
let lastPort = 0;

/**
 * The isolated world of one live document: the other side of each ipc message and of each port that went to the page.
 * Invariant: when the document ends, every channel it held an end of is closed.
 */
export class PageDocument {
  readonly world: World;
  readonly opened: DocumentOpened;
  readonly #ends = new Map<string, End>();
  #ended = false;

  constructor(world: World, opened: DocumentOpened) {
    this.world = world;
    this.opened = opened;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Messages of one channel in one call of the page's side, in order. `ends` become ports of the page. */
  send(channel: string, args: unknown, ends: readonly End[] = []): void {
    const ports = ends.map(() => `main-${++lastPort}`);
    this.#tell({ kind: 'ipc', channel, value: encode(args), ports });
    for (const [index, end] of ends.entries()) this.#hold(ports[index]!, end);
  }

  /** A message of the page's side about a port; ipc messages are the frame tree's business. */
  receive(message: FromPage): void {
    if (message.kind === 'post') {
      this.#ends.get(message.port)?.post({ data: decode(message.value), ports: this.portsFrom(message.ports) });
    } else if (message.kind === 'close') {
      this.#ends.get(message.port)?.close();
      this.#ends.delete(message.port);
    }
  }

  /** Ports the page sent along: it keeps the far ends under the ids it chose. */
  portsFrom(ids: readonly string[]): MessagePortMain[] {
    return ids.map((id) => {
      const [far, near] = End.pair();
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

  #hold(id: string, end: End): void {
    this.#ends.set(id, end);
    end.read({
      message: ({ data, ports }) => {
        const ends = ports.flatMap((port) => port.detach() ?? []);
        const ids = ends.map(() => `main-${++lastPort}`);
        this.#tell({ kind: 'post', port: id, value: encode(data), ports: ids });
        for (const [index, moved] of ends.entries()) this.#hold(ids[index]!, moved);
      },
      closed: () => {
        this.#ends.delete(id);
        this.#tell({ kind: 'close', port: id });
      },
    });
  }

  #tell(message: ToPage): void {
    if (this.#ended) return;
    const { session, context } = this.world;
    const call = { functionDeclaration: RECEIVE, executionContextId: context, arguments: [{ value: message }] };
    // A document that goes away while the message is under way takes it along; its end is reported by other events.
    session.send('Runtime.callFunctionOn', call).catch(() => {});
  }
}
