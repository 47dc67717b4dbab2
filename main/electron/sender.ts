import type { WebFrameMain } from 'electron';
import { FULL_GRANT, type Grant, parseGrant } from '../bridge/grant.ts';

/** The frame that requests a port, read once when the request came in. */
export interface FrameInfo {
  /** The name under which the window was attached. */
  readonly window: string;
  /** Serialised origin: `https://example.org`, `app://atlas`, `file://`. Compare the whole string. */
  readonly origin: string;
  readonly url: string;
  /** False for an iframe. */
  readonly isTop: boolean;
}

/**
 * Returns what a frame may access, or null for nothing. Called when its document connects, and when a document of its origin requests
 * `deskcache://`.
 */
export type Authorize = (frame: FrameInfo) => Grant | null;

/** Calls the application's policy; if it throws, nothing is granted. The error is reported to the application, not to the page. */
export function getGrant(authorize: Authorize, sender: FrameInfo): Grant | null {
  try {
    return parseGrant(authorize(sender));
  } catch (error) {
    process.emitWarning(error instanceof Error ? error : String(error));
    return null;
  }
}

/** Returns false for a frame that was removed or whose process has crashed: reading any of its properties throws. */
export const isFrameAlive = (frame: WebFrameMain | null): frame is WebFrameMain =>
  frame !== null && !frame.isDestroyed();

/**
 * Returns the sender of a message; undefined if it isn't certain: the frame is gone, shows nothing yet, or has an opaque origin (a
 * sandboxed iframe, `data:`, `about:blank`). Fails closed.
 */
export function getSender(frame: WebFrameMain | null, window: string): FrameInfo | undefined {
  if (!isFrameAlive(frame) || frame.detached) return undefined;
  const { origin, url } = frame;
  if (url === '' || url.startsWith('about:') || origin === '' || origin === 'null') return undefined;
  return { window, origin, url, isTop: frame.parent === null };
}

// `deskcache:` serves stored data, which is not a page of the application.
const FOREIGN_SCHEMES =
  /^(https?|wss?|ftp|blob|data|javascript|devtools|chrome|chrome-extension|chrome-error|deskcache):/i;
const LOOPBACK = /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/i;

/**
 * Returns whether the origin is the application's own: `file:` or a custom scheme; during development also a server on this machine. Never
 * an opaque one.
 */
export const isOwnOrigin = (origin: string, isPackaged: boolean): boolean =>
  origin !== '' && origin !== 'null' && (!FOREIGN_SCHEMES.test(origin) || (!isPackaged && LOOPBACK.test(origin)));

/** The default policy: everything for the top frame of an attached window that shows the application's own pages, nothing for others. */
export function allowOwnPages(isPackaged: boolean): Authorize {
  return ({ origin, isTop }) => (isTop && isOwnOrigin(origin, isPackaged) ? FULL_GRANT : null);
}
