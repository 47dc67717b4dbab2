import type { CdpSession } from '../chromium/cdp.ts';
import { fromChromium } from '../schemes.ts';
import { Cancelable } from '../strict.ts';
import type { WebContents } from './web-contents.ts';
import type { WebFrameMain } from './web-frame-main.ts';

/** Electron's `details` of a navigation event. */
export interface Navigation extends Cancelable {
  readonly url: string;
  readonly isSameDocument: boolean;
  readonly isMainFrame: boolean;
  readonly frame: WebFrameMain | null;
  readonly initiator?: WebFrameMain | null;
}

export interface Watched {
  frame(frameId: string): WebFrameMain | undefined;
  /** A page wants a frame to go to `url`. */
  requested(target: CdpSession, frameId: string, url: string): void;
  /** Whether Chromium knows no such address; `requested` sees to it. */
  isForeign(url: string): boolean;
  /** The main frame has a new document. */
  navigated(url: string): void;
  /** Whether the application itself started the navigation under way. */
  ownLoad(): boolean;
}

/** DevTools' page events of one target, in the words and the order of Electron's WebContents. */
export function watchNavigation(target: CdpSession, contents: WebContents, watched: Watched): void {
  let loaderId: string | undefined;
  const isMain = (frameId: string) => watched.frame(frameId) === contents.mainFrame;
  const place = (frameId: string): [number, number] => {
    const frame = watched.frame(frameId);
    return frame && !frame.isDestroyed() ? [frame.processId, frame.routingId] : [0, 0];
  };
  const started = (frameId: string, url: string, isSameDocument: boolean): void => {
    const isMainFrame = isMain(frameId);
    const frame = watched.frame(frameId) ?? null;
    const details = Object.assign(new Cancelable(), { url, isSameDocument, isMainFrame, frame, initiator: null });
    contents.emit('did-start-navigation', details, url, isSameDocument, isMainFrame, ...place(frameId));
  };

  // A page's way to a custom scheme is answered when Chromium has begun it, not when the page asks: begun before, our answer
  // would be what Chromium's own attempt aborts.
  const wanted = new Set<string>();
  target.on('Page.frameRequestedNavigation', ({ frameId, url }) => {
    if (watched.isForeign(url)) wanted.add(frameId);
  });
  target.on('Page.frameStartedNavigating', ({ frameId, url, navigationType }) => {
    if (/sameDocument/i.test(navigationType)) return;
    if (!watched.isForeign(url)) started(frameId, fromChromium(url), false);
    else if (wanted.delete(frameId)) watched.requested(target, frameId, url);
  });
  target.on('Page.navigatedWithinDocument', ({ frameId, url }) => {
    const seen = fromChromium(url);
    started(frameId, seen, true);
    if (isMain(frameId)) watched.navigated(seen);
    contents.emit('did-navigate-in-page', new Cancelable(), seen, isMain(frameId), ...place(frameId));
  });
  target.on('Page.frameNavigated', ({ frame }) => {
    if (frame.parentId) return;
    loaderId = frame.loaderId;
    const url = fromChromium(frame.unreachableUrl ?? frame.url);
    watched.navigated(url);
    if (frame.unreachableUrl === undefined) contents.emit('did-navigate', new Cancelable(), url, -1, '');
    else if (!watched.ownLoad()) {
      contents.emit('did-fail-load', new Cancelable(), -2, 'ERR_FAILED', url, true, ...place(frame.id));
    }
  });
  target.on('Page.lifecycleEvent', (event) => {
    if (event.loaderId !== loaderId || !isMain(event.frameId)) return;
    if (event.name === 'DOMContentLoaded') contents.emit('dom-ready');
    if (event.name === 'load') contents.emit('did-finish-load');
  });
}
