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

/** A message whose sender stands still until it has the answer. */
interface SyncSent {
  readonly kind: 'sync';
  readonly channel: string;
  readonly value: string;
}

/** The function in which a sender of a `SyncSent` stands still: DevTools pauses there. */
export const SYNC_PAUSE_FUNCTION = 'standStill';

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

/**
 * `contextBridge`, from the agent's world to the page's, as DOM events whose details are cloned on the way: what to define on `window`, a
 * call of a function there, and its result.
 */
export const EXPOSE_EVENT = 'stand-in-expose';
export const CALL_EVENT = 'stand-in-call';
export const RESULT_EVENT = 'stand-in-result';

/** A value on its way to the page's world, part by part as Electron copies it. */
export type BridgedValue =
  /** As structured clone copies it. */
  | { readonly is: 'cloned'; readonly value: unknown }
  | { readonly is: 'function'; readonly id: number }
  | { readonly is: 'error'; readonly message: string }
  | { readonly is: 'array'; readonly items: readonly BridgedValue[] }
  | { readonly is: 'object'; readonly entries: (readonly [name: string, value: BridgedValue])[] };

export interface ExposedValue {
  readonly key: string;
  readonly value: BridgedValue;
}

export interface FunctionCall {
  readonly id: number;
  readonly args: readonly unknown[];
}

export type FunctionResult = { readonly value: BridgedValue } | { readonly error: string };

export type MessageFromPage = DocumentOpened | WindowOpened | IpcSent | SyncSent | PortPosted | PortClosed;
export type MessageToPage = IpcSent | PortPosted | PortClosed;
