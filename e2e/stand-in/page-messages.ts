/**
 * What travels between the main process and the isolated world of a document. `value` is text made by `encode-value.ts`;
 * a port is named by an id that is unique within its document.
 */

/** The isolated world in which the preload runs, and the one function it has to reach the main process. */
export const WORLD_NAME = 'stand-in preload';
export const BINDING_NAME = 'standInPost';

export interface DocumentOpened {
  readonly kind: 'document';
  readonly url: string;
  readonly origin: string;
  readonly name: string;
}

interface IpcSent {
  readonly kind: 'ipc';
  readonly channel: string;
  readonly value: string;
  readonly ports: readonly string[];
}

interface PortPosted {
  readonly kind: 'post';
  readonly port: string;
  readonly value: string;
  readonly ports: readonly string[];
}

interface PortClosed {
  readonly kind: 'close';
  readonly port: string;
}

/** What `window.open` asked for, from the page's world to the agent's as a DOM event, and on to the main process. */
interface WindowOpened {
  readonly kind: 'open';
  readonly url: string;
  readonly name: string;
  readonly features: string;
}

export const OPEN_EVENT = 'stand-in-open';

export type MessageFromPage = DocumentOpened | WindowOpened | IpcSent | PortPosted | PortClosed;
export type MessageToPage = IpcSent | PortPosted | PortClosed;
