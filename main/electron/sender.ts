import type { WebFrameMain } from 'electron';
import { FULL_GRANT, type Grant } from '../bridge/grant.ts';

/** Who asks for a port, read once when the request came in. */
export interface FrameInfo {
  /** The name the window was attached under. */
  readonly window: string;
  /** Serialised origin: `https://example.org`, `app://atlas`, `file://`. Compare it whole. */
  readonly origin: string;
  readonly url: string;
  /** False for an iframe. */
  readonly isTop: boolean;
}

/** What a frame may do, or null for nothing. Asked when its document connects, and when one of its origin asks for `deskcache://`. */
export type Authorize = (frame: FrameInfo) => Grant | null;

/** False for a frame that was removed or whose process has crashed: reading any of its properties throws. */
export const isFrameAlive = (frame: WebFrameMain | null): frame is WebFrameMain =>
  frame !== null && !frame.isDestroyed();

/**
 * The sender of a message, or undefined when it can't be known for certain: the frame is gone, shows nothing yet, or has
 * an opaque origin (a sandboxed iframe, `data:`, `about:blank`). Fails closed.
 */
export function getSender(frame: WebFrameMain | null, window: string): FrameInfo | undefined {
  if (!isFrameAlive(frame) || frame.detached) return undefined;
  const { origin, url } = frame;
  if (url === '' || url.startsWith('about:') || origin === '' || origin === 'null') return undefined;
  return { window, origin, url, isTop: frame.parent === null };
}

// What the application has stored is served under `deskcache:`; it is none of its pages.
const FOREIGN_SCHEMES =
  /^(https?|wss?|ftp|blob|data|javascript|devtools|chrome|chrome-extension|chrome-error|deskcache):/i;
const LOOPBACK = /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/i;

/** The application's own pages by their origin: `file:` or a custom scheme; while developing also a server on this machine. Never an opaque one. */
export const isOwnOrigin = (origin: string, isPackaged: boolean): boolean =>
  origin !== '' && origin !== 'null' && (!FOREIGN_SCHEMES.test(origin) || (!isPackaged && LOOPBACK.test(origin)));

/**
 * Without an `authorize` of the application's own: everything for the top frame of an attached window that shows the
 * application's own pages, nothing for others.
 */
export function allowOwnPages(isPackaged: boolean): Authorize {
  return ({ origin, isTop }) => (isTop && isOwnOrigin(origin, isPackaged) ? FULL_GRANT : null);
}
