import { type ErrorData, isErrorData } from './error.ts';

/**
 * How a page gets its port. The page draws a nonce and asks its own window; the preload passes the nonce on to the main
 * process; main looks at the sending frame, makes a channel and sends one end back under the nonce; the preload hands it to
 * the page. No function is exposed on the way, and a port that answers no open nonce is closed.
 */

/** Electron's ipc channels: preload to main, and back. */
export const CONNECT_CHANNEL = 'deskcache:connect';
export const PORT_CHANNEL = 'deskcache:port';

/** What a port is for: the stores, wherever the engine is, or HTTP (protocol/http.ts), which the main process answers. */
export type PortPurpose = 'stores' | 'offline';

/** Page to preload, by `window.postMessage`. The preload sends main both, the nonce first. */
export interface ConnectRequest {
  readonly deskcache: 'connect';
  readonly nonce: string;
  /** Default `'stores'`. */
  readonly to?: PortPurpose;
}

/** Preload to page, at once: there is a preload script, and it has asked main. */
export interface Acknowledged {
  readonly deskcache: 'heard';
  readonly nonce: string;
}

/** Main to preload to page. Comes with one port, or with the reason why there is none. */
export interface PortAnswer {
  readonly deskcache: 'port';
  readonly nonce: string;
  readonly error?: ErrorData;
}

/** Main to preload to page: who answered over the port of this nonce has died, without a word over the port. */
export interface PeerGone {
  readonly deskcache: 'gone';
  readonly nonce: string;
}

const NONCE = /^[0-9a-f]{32}$/;

/** 128 random bits in hexadecimal. */
export const isNonce = (value: unknown): value is string => typeof value === 'string' && NONCE.test(value);

export const isPortPurpose = (value: unknown): value is PortPurpose => value === 'stores' || value === 'offline';

export function isConnectRequest(message: unknown): message is ConnectRequest {
  if (!isMessage(message, 'connect')) return false;
  const { to } = message as unknown as Record<string, unknown>;
  return to === undefined || isPortPurpose(to);
}

/** Whether it is said to the page that drew this nonce. */
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
