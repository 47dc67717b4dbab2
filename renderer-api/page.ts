import type { Purpose } from '../protocol/handshake.ts';
import { connect } from './connect.ts';
import { DiskCache } from './disk-cache.ts';

/** Usable at once; connects to the main process with the first call. */
export const diskCache: DiskCache = /* @__PURE__ */ new DiskCache(connectFromPage);

let isWatched = false;

/** Nothing is done before the first call: a page that wants only the error class pays for nothing else. */
function connectFromPage(signal: AbortSignal, to: Purpose): Promise<MessagePort> {
  if (!isWatched) {
    isWatched = true;
    // A page that is left gets no more answers; whoever waits is told while there is still time.
    globalThis.addEventListener?.('pagehide', () => diskCache.disconnect('The page was left before the answer came'));
  }
  return connect(signal, to);
}
