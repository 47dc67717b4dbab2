import type { MessagePortMain } from 'electron';
import type { Listener, Port } from '../bridge/endpoint.ts';

/** Electron's main-process port, in the shape comlink knows. */
export function fromPortMain(port: MessagePortMain): Port {
  const attached = new Map<Listener, Listener>();
  return {
    postMessage: (message) => port.postMessage(message),
    addEventListener(type, listener) {
      if (type !== 'message') return;
      const received: Listener = ({ data }) => listener({ data });
      attached.set(listener, received);
      port.on('message', received);
    },
    removeEventListener(_type, listener) {
      const received = attached.get(listener);
      if (received) port.off('message', received);
      attached.delete(listener);
    },
    start: () => port.start(),
    close: () => port.close(),
  };
}
