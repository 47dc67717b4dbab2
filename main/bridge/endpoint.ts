/** What comlink asks of a port. A layer takes one and gives one. */
export interface Endpoint {
  postMessage(message: unknown): void;
  addEventListener(type: string, listener: Listener): void;
  removeEventListener(type: string, listener: Listener): void;
  start?(): void;
}

export type Listener = (event: { readonly data?: unknown }) => void;

/** A port, whatever its make. */
export interface Port extends Endpoint {
  close(): void;
}
