import { MessageChannelMain, type MessagePortMain } from 'electron';
import { type Kind, SIGNATURES } from '../../../protocol/contract.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import { DEFAULT_STORE, type StoreDeclaration, type StoreDeclarations } from '../../../protocol/stores.ts';
import { Client } from '../../../renderer-api/client/client.ts';
import type { Port } from '../../../renderer-api/client/line.ts';
import { RemoteStore } from '../../../renderer-api/client/remote-store.ts';
import { FULL_GRANT } from '../../bridge/grant.ts';
import { fromPortMain } from '../port.ts';
import type { UtilityEngine } from './utility-engine.ts';

/** Milliseconds in which the utility process has to answer something. */
const TIMEOUT = 30_000;

/**
 * The stores of the utility process as the main process has them: as a page does, over a port of its own, with every right. What
 * main writes is coherent with what pages keep near, for it goes the same way as their writes.
 */
export class OwnStores {
  readonly stores: Readonly<Record<string, RemoteStore>>;
  readonly #client: Client;

  constructor(engine: UtilityEngine, declarations: StoreDeclarations) {
    const client = new Client(async () => ownPort(engine), TIMEOUT);
    const kinds = Object.entries(declarations).map(([name, declaration]) => [name, calledAs(declaration)] as const);
    this.stores = Object.fromEntries(
      [[DEFAULT_STORE, 'cache'] as const, ...kinds].map(([name, kind]) => [
        name,
        new RemoteStore(client, name, SIGNATURES[kind]),
      ]),
    );
    this.#client = client;
  }

  /** Rejects what is open. */
  close(): void {
    this.#client.disconnect(new DiskCacheError('DISCONNECTED', 'The host was closed'));
  }
}

const calledAs = ({ kind }: StoreDeclaration): Kind => (kind === 'fanout' ? 'cache' : kind);

/** @throws {DiskCacheError} `CLOSED`. */
function ownPort(engine: UtilityEngine): Port {
  return talkingPort((port, onEnd) => engine.openSession(port, { grant: FULL_GRANT, hasShard: false }, onEnd));
}

/** A port whose other end `open` is given, and which closes when it is told: a process that was killed doesn't close it. */
export function talkingPort(open: (port: MessagePortMain, onEnd: () => void) => void): Port {
  const { port1, port2 } = new MessageChannelMain();
  const port = fromPortMain(port2);
  const closing: Parameters<Port['addEventListener']>[1][] = [];
  open(port1, () => {
    for (const listener of closing) listener({});
  });
  return {
    ...port,
    start: () => port2.start(),
    addEventListener(type, listener) {
      if (type === 'close') closing.push(listener);
      else port.addEventListener(type, listener);
    },
  };
}
