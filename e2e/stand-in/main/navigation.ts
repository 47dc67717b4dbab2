import type { CdpSession } from '../chromium/cdp.ts';
import { fromChromiumUrl } from '../scheme-mapping.ts';
import { CancelableEvent } from '../unknown-member-guard.ts';
import { LoadError } from './load-error.ts';
import type { WebContents } from './web-contents.ts';
import type { WebFrameMain } from './web-frame-main.ts';

/** Electron's `details` of a navigation event. */
export interface Navigation extends CancelableEvent {
  readonly url: string;
  readonly isSameDocument: boolean;
  readonly isMainFrame: boolean;
  readonly frame: WebFrameMain | null;
  readonly initiator?: WebFrameMain | null;
}

export interface NavigationListener {
  frame(frameId: string): WebFrameMain | undefined;
  /** A navigation to another document was reported. */
  began(frameId: string): void;
  /** A page wants a frame to go to `url`. False when the application has prevented it. */
  requested(target: CdpSession, frameId: string, url: string): boolean;
  /** Whether Chromium knows no such address; `requested` sees to it. */
  isForeign(url: string): boolean;
  /** The main frame has a new document. */
  navigated(url: string): void;
}

/** The two numbers of a frame, as events carry them. */
export const getFrameIds = (frame: WebFrameMain | null | undefined): [processId: number, routingId: number] =>
  frame && !frame.isDestroyed() ? [frame.processId, frame.routingId] : [-1, -1];

interface ResponseStatus {
  readonly status: number;
  readonly statusText: string;
}

const NO_RESPONSE: ResponseStatus = { status: -1, statusText: '' };

/**
 * Translates DevTools' page events of one target into the events of Electron's WebContents, in their order: a navigation is reported when it
 * begins, before `will-navigate`, and again when it is committed. One that is prevented, becomes a download or is answered with 204 is not
 * committed.
 */
export function watchNavigation(target: CdpSession, contents: WebContents, watched: NavigationListener): void {
  let loaderId: string | undefined;
  const outcomes = new Map<string, ResponseStatus | LoadError>();
  const isMain = (frameId: string) => watched.frame(frameId) === contents.mainFrame;
  const started = (frameId: string, url: string, isSameDocument: boolean): void => {
    const isMainFrame = isMain(frameId);
    const frame = watched.frame(frameId) ?? null;
    const details = Object.assign(new CancelableEvent(), { url, isSameDocument, isMainFrame, frame, initiator: null });
    contents.emit('did-start-navigation', details, url, isSameDocument, isMainFrame, ...getFrameIds(frame));
  };

  // A page's way to a custom scheme is answered when Chromium has begun it, not when the page asks: begun before, our answer
  // would be what Chromium's own attempt aborts. Our answer begins once more, which was told of already.
  const requested = new Set<string>();
  const reported = new Map<string, string>();
  target.on('Page.frameRequestedNavigation', ({ frameId, url }) => {
    if (watched.isForeign(url)) requested.add(frameId);
  });
  target.on('Page.frameStartedNavigating', ({ frameId, url, navigationType }) => {
    if (/sameDocument/i.test(navigationType)) return;
    const seen = fromChromiumUrl(url);
    const isTold = reported.get(frameId) === seen;
    reported.delete(frameId);
    if (isTold) return;
    started(frameId, seen, false);
    watched.began(frameId);
    if (!watched.isForeign(url) || !requested.delete(frameId)) return;
    reported.set(frameId, seen);
    if (!watched.requested(target, frameId, url)) reported.delete(frameId);
  });
  target.on('Page.navigatedWithinDocument', ({ frameId, url }) => {
    const seen = fromChromiumUrl(url);
    started(frameId, seen, true);
    if (isMain(frameId)) watched.navigated(seen);
    contents.emit(
      'did-navigate-in-page',
      new CancelableEvent(),
      seen,
      isMain(frameId),
      ...getFrameIds(watched.frame(frameId)),
    );
  });

  // A document's request has the id of its loader.
  target.on('Network.responseReceived', ({ requestId, loaderId: of, response }) => {
    if (requestId === of) outcomes.set(of, { status: response.status, statusText: response.statusText });
  });
  target.on('Network.loadingFailed', ({ requestId, type, errorText }) => {
    if (type === 'Document') outcomes.set(requestId, new LoadError(errorText, ''));
  });
  target.on('Page.frameNavigated', ({ frame }) => {
    const outcome = outcomes.get(frame.loaderId) ?? NO_RESPONSE;
    const isMainFrame = frame.parentId === undefined;
    outcomes.delete(frame.loaderId);
    // Of what came to nothing: no document will ask for it.
    if (isMainFrame) outcomes.clear();
    const url = fromChromiumUrl(frame.unreachableUrl ?? frame.url);
    const place = getFrameIds(watched.frame(frame.id));
    if (isMainFrame) {
      loaderId = frame.loaderId;
      watched.navigated(url);
    }
    if (frame.unreachableUrl !== undefined) {
      const { errno, code } = outcome instanceof LoadError ? outcome : new LoadError('net::ERR_FAILED', url);
      contents.emit('did-fail-provisional-load', new CancelableEvent(), errno, code, url, isMainFrame, ...place);
      contents.emit('did-fail-load', new CancelableEvent(), errno, code, url, isMainFrame, ...place);
      return;
    }
    const { status, statusText } = outcome instanceof LoadError ? NO_RESPONSE : outcome;
    contents.emit('did-frame-navigate', new CancelableEvent(), url, status, statusText, isMainFrame, ...place);
    if (isMainFrame) contents.emit('did-navigate', new CancelableEvent(), url, status, statusText);
  });
  target.on('Page.lifecycleEvent', (event) => {
    if (event.loaderId !== loaderId || !isMain(event.frameId)) return;
    if (event.name === 'DOMContentLoaded') contents.emit('dom-ready');
    if (event.name === 'load') contents.emit('did-finish-load');
  });
}
