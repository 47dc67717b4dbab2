import { expose } from 'comlink';
import { type DiskCacheError, toErrorData } from '../../protocol/error.ts';
import { type Face, goodbye } from '../../protocol/wire.ts';
import type { Endpoint, Port } from './endpoint.ts';
import { gate } from './gate.ts';
import type { Grant } from './grant.ts';
import { type FindStore, runOperations } from './run.ts';

/** One page's conversation, from its handshake to its goodbye. */
export interface Session {
  /** Tells the page why and closes the port. Idempotent. */
  close(reason: DiskCacheError): void;
}

/** Answers a page over `port` with what `grant` allows, until it is closed. */
export function openSession(port: Port, grant: Grant, findStore: FindStore): Session {
  let open = true;
  const face: Face = Object.freeze({
    run: (operations: Parameters<Face['run']>[0]) => runOperations(operations, grant, findStore),
  });
  expose(face, gate(whileOpen(port, () => open)));
  return {
    close(reason) {
      if (!open) return;
      open = false;
      port.postMessage(goodbye(toErrorData(reason)));
      port.close();
    },
  };
}

/** Comlink answers in a later microtask: nothing may follow the goodbye, and nothing is run after it. */
function whileOpen(inner: Endpoint, isOpen: () => boolean): Endpoint {
  return {
    postMessage: (message) => {
      if (isOpen()) inner.postMessage(message);
    },
    addEventListener: (type, listener) =>
      inner.addEventListener(type, (event) => {
        if (isOpen()) listener(event);
      }),
    removeEventListener: () => {},
    start: () => inner.start?.(),
  };
}
