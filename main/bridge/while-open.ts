import type { Endpoint } from './endpoint.ts';

/** Comlink answers in a later microtask: nothing may follow the goodbye, and nothing is run after it. */
export function whileOpen(inner: Endpoint, isOpen: () => boolean): Endpoint {
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
