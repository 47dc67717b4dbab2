import { type ErrorData, isErrorData } from './error.ts';

/**
 * How a page gets its port. The page creates a nonce and posts it to its own window; the preload script forwards it to the main process;
 * main checks the sending frame, creates a channel and sends one end back with the nonce; the preload script hands it to the page. The
 * preload script exposes no function to the page (that of `ready` is a second script), and a port without an open nonce is closed.
 */

/** Electron's IPC channels: preload to main, and main to preload. */
export const CONNECT_CHANNEL = 'deskcache:connect';
export const PORT_CHANNEL = 'deskcache:port';

/** What a port is for: the stores, in whichever process the engine runs, or HTTP (protocol/http.ts), which the main process serves. */
export type PortPurpose = 'stores' | 'offline';

/** Page to preload, by `window.postMessage`. The preload sends both to main, the nonce first. */
export interface ConnectRequest {
  readonly deskcache: 'connect';
  readonly nonce: string;
  /** Default `'stores'`. */
  readonly to?: PortPurpose;
}

/** Preload to page, immediately: a preload script exists and has asked main. */
export interface Acknowledged {
  readonly deskcache: 'heard';
  readonly nonce: string;
}

/** Main to preload to page. Carries one port, or the reason for the refusal. */
export interface PortAnswer {
  readonly deskcache: 'port';
  readonly nonce: string;
  readonly error?: ErrorData;
}

/** Main to preload to page: the other end of this nonce's port died without sending anything over the port. */
export interface PeerGone {
  readonly deskcache: 'gone';
  readonly nonce: string;
}

/**
 * `ready`: how a page gets settings in its first line. In sessions where the application has asked for it, a second preload script exposes one
 * function under `READY_KEY`. The function sends main a synchronous message on `READY_CHANNEL` with the name of the store. Main checks the
 * sending frame for each message.
 */
export const READY_KEY = 'deskcache:ready';
export const READY_CHANNEL = 'deskcache:ready';

/** Main to preload: what is stored at this moment. */
export interface ReadyAnswer {
  readonly value: unknown;
}

/** Main to preload: why the page gets nothing. */
export interface ReadyRefusal {
  readonly error: ErrorData;
}

/**
 * Returns a map from the store's name to its settings, or the error as data; undefined for a store that isn't ready. A map, because Electron's
 * bridge clones it as it clones a message, but copies an object part by part, with losses.
 */
export type ReadyFunction = (store: string) => ReadonlyMap<string, unknown> | ErrorData | undefined;

const NONCE = /^[0-9a-f]{32}$/;

/** 128 random bits in hexadecimal. */
export const isNonce = (value: unknown): value is string => typeof value === 'string' && NONCE.test(value);

export const isPortPurpose = (value: unknown): value is PortPurpose => value === 'stores' || value === 'offline';

export function isConnectRequest(message: unknown): message is ConnectRequest {
  if (!isMessage(message, 'connect')) return false;
  const { to } = message as unknown as Record<string, unknown>;
  return to === undefined || isPortPurpose(to);
}

/** Returns whether the message is addressed to the page that created this nonce. */
export const isForNonce = (nonce: string, message: unknown): message is Acknowledged | PortAnswer | PeerGone =>
  Object(message).nonce === nonce;

export function isPortAnswer(message: unknown): message is PortAnswer {
  if (!isMessage(message, 'port')) return false;
  const { error } = message as unknown as Record<string, unknown>;
  return error === undefined || isErrorData(error);
}

export function isPeerGone(message: unknown): message is PeerGone {
  return isMessage(message, 'gone');
}

function isMessage<T extends string>(message: unknown, word: T): message is { deskcache: T; nonce: string } {
  if (typeof message !== 'object' || message === null) return false;
  const { deskcache, nonce } = message as Record<string, unknown>;
  return deskcache === word && isNonce(nonce);
}
