import { DiskCacheError, fromErrorData, isErrorData } from '../protocol/error.ts';
import { type ConnectRequest, isForNonce, type PortPurpose } from '../protocol/handshake.ts';
import { toHex } from '../protocol/key-text.ts';
import { DiskCache } from './disk-cache.ts';

/** The page may be up before the main process listens, so it asks again; main answers a nonce once. */
const RETRY_INTERVAL_MS = 200;
/**
 * A preload script runs before the page's first line and says in the next task that it has heard. Counted in times asked and not
 * in milliseconds, for a page that is busy hears nothing and asks nothing.
 */
const ATTEMPTS_WITHOUT_PRELOAD = 5;

/**
 * A port to the main process, by the handshake of protocol/handshake.ts. Waits until it is answered; `signal` gives up.
 *
 * @throws {DiskCacheError} `NOT_ALLOWED` when this page was granted nothing, `DISCONNECTED` when `signal` gave up, after a
 * second in a page without the preload script, and at once where there is no window.
 */
export async function connect(signal: AbortSignal, to: PortPurpose): Promise<MessagePort> {
  if (typeof window === 'undefined') throw noWindow();
  const nonce = createNonce();
  return new Promise((resolve, reject) => {
    // Kept: a test environment takes its window away before a timer is done.
    const page = window;
    let attempts = 0;
    let isAcknowledged = false;

    function sendRequest(): void {
      if (!isAcknowledged && attempts++ === ATTEMPTS_WITHOUT_PRELOAD) fail(noPreload());
      else page.postMessage({ deskcache: 'connect', nonce, to } satisfies ConnectRequest, '*');
    }

    function onMessage({ source, data, ports }: MessageEvent<unknown>): void {
      if (source !== page || !isForNonce(nonce, data)) return;
      if (data.deskcache === 'heard') isAcknowledged = true;
      if (data.deskcache !== 'port') return;
      cleanUp();
      const [port] = ports;
      if (port) resolve(forwardPeerGone(port, nonce));
      else reject(isErrorData(data.error) ? fromErrorData(data.error) : unanswered());
    }
    const onAbort = () => fail(isAcknowledged ? unanswered() : noPreload());
    function fail(why: DiskCacheError): void {
      cleanUp();
      reject(why);
    }
    function cleanUp(): void {
      clearInterval(retryTimer);
      page.removeEventListener('message', onMessage);
      signal.removeEventListener('abort', onAbort);
    }

    page.addEventListener('message', onMessage);
    signal.addEventListener('abort', onAbort);
    const retryTimer = setInterval(sendRequest, RETRY_INTERVAL_MS);
    sendRequest();
  });
}

/** A process that was killed doesn't close its ports everywhere; main says so, and that is the port's end, too. */
function forwardPeerGone(port: MessagePort, nonce: string): MessagePort {
  function onMessage({ source, data }: MessageEvent<unknown>): void {
    if (source === window && isForNonce(nonce, data) && data.deskcache === 'gone')
      port.dispatchEvent(new Event('close'));
  }
  const listenNoMore = () => window.removeEventListener('message', onMessage);
  const close = port.close.bind(port);
  window.addEventListener('message', onMessage);
  port.addEventListener('close', listenNoMore, { once: true });
  // Who closes a port doesn't hear of its end.
  port.close = () => {
    listenNoMore();
    close();
  };
  return port;
}

/** 128 random bits. */
const createNonce = (): string => toHex(crypto.getRandomValues(new Uint8Array(16)));

const disconnected = (why: string) => new DiskCacheError('DISCONNECTED', why);

const unanswered = () =>
  disconnected(
    'The main process did not answer. Is its host open, and was this window opened after host.install(session), or host.attach?',
  );

const noWindow = () =>
  disconnected(
    'deskcache/renderer needs a page. The main process has host.stores, plain Node deskcache/engine; a worker asks its page',
  );

const noPreload = () =>
  disconnected(
    'No preload script of deskcache runs here. Open the window after host.install(session), or with preloadPath as webPreferences.preload; an iframe needs nodeIntegrationInSubFrames',
  );

/** Usable at once; connects to the main process with the first call. */
export const diskCache: DiskCache = /* @__PURE__ */ new DiskCache(connectFromPage);

let isPageHideObserved = false;

/** Nothing is done before the first call: a page that wants only the error class pays for nothing else. */
function connectFromPage(signal: AbortSignal, to: PortPurpose): Promise<MessagePort> {
  if (!isPageHideObserved) {
    isPageHideObserved = true;
    // A page that is left gets no more answers; whoever waits is told while there is still time.
    globalThis.addEventListener?.('pagehide', () => diskCache.disconnect('The page was left before the answer came'));
  }
  return connect(signal, to);
}
