import type { MissingForConnection } from '../client/faults.ts';
import { loadFaults } from '../client/on-demand.ts';
import { fromErrorData } from '../protocol/error.ts';
import { type ConnectRequest, isForNonce, type PortPurpose } from '../protocol/handshake.ts';
import { toHex } from '../protocol/key-text.ts';
import { DiskCache } from './disk-cache.ts';

/** The page may be ready before the main process listens, so it repeats the request; main answers a nonce once. Milliseconds. */
const RETRY_INTERVAL_MS = 200;
/**
 * A preload script runs before the page's first line and acknowledges a request in the next task. Counted in attempts and not in
 * milliseconds, because a busy page neither receives nor sends.
 */
const ATTEMPTS_WITHOUT_PRELOAD = 5;

/**
 * Returns a port to the main process, by the handshake of protocol/handshake.ts. Waits for the answer until `signal` is aborted.
 *
 * @throws {DiskCacheError} `NOT_ALLOWED` if this page was granted nothing; `DISCONNECTED` if `signal` was aborted, after a second in a page
 * without the preload script, and at once if there is no window.
 */
export async function connect(signal: AbortSignal, to: PortPurpose): Promise<MessagePort> {
  if (typeof window === 'undefined') return fail('window');
  const nonce = createNonce();
  return new Promise((resolve, reject) => {
    // A test environment may remove its window before the timer has ended.
    const page = window;
    let attempts = 0;
    let isAcknowledged = false;

    function sendRequest(): void {
      if (!isAcknowledged && attempts++ === ATTEMPTS_WITHOUT_PRELOAD) end('preload');
      else page.postMessage({ deskcache: 'connect', nonce, to } satisfies ConnectRequest, '*');
    }

    function onMessage({ source, data, ports }: MessageEvent<unknown>): void {
      if (source !== page || !isForNonce(nonce, data)) return;
      if (data.deskcache === 'heard') isAcknowledged = true;
      if (data.deskcache !== 'port') return;
      cleanUp();
      const [port] = ports;
      if (port) resolve(forwardPeerGone(port, nonce));
      else if (data.error) reject(fromErrorData(data.error));
      else resolve(fail('answer'));
    }
    const onAbort = () => end(isAcknowledged ? 'answer' : 'preload');
    function end(missing: MissingForConnection): void {
      cleanUp();
      resolve(fail(missing));
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

/** Returns the port, which also closes when main reports that the process behind it has died: a killed process may not close its ports. */
function forwardPeerGone(port: MessagePort, nonce: string): MessagePort {
  function onMessage({ source, data }: MessageEvent<unknown>): void {
    if (source === window && isForNonce(nonce, data) && data.deskcache === 'gone')
      port.dispatchEvent(new Event('close'));
  }
  const unlisten = () => window.removeEventListener('message', onMessage);
  const close = port.close.bind(port);
  window.addEventListener('message', onMessage);
  port.addEventListener('close', unlisten, { once: true });
  // The side that closes a port gets no close event.
  port.close = () => {
    unlisten();
    close();
  };
  return port;
}

/** Returns 128 random bits in hexadecimal. */
const createNonce = (): string => toHex(crypto.getRandomValues(new Uint8Array(16)));

async function fail(missing: MissingForConnection): Promise<never> {
  const { createConnectError } = await loadFaults();
  throw createConnectError(missing);
}

/** The stores of the application. Connects to the main process with the first call. */
export const diskCache: DiskCache = /* @__PURE__ */ new DiskCache(connectFromPage);

let isPageHideObserved = false;

/** Does nothing before the first call, so that a page that only imports the error class pays for nothing else. */
function connectFromPage(signal: AbortSignal, to: PortPurpose): Promise<MessagePort> {
  if (!isPageHideObserved) {
    isPageHideObserved = true;
    // A page that is left gets no more responses; pending calls are rejected while there is still time.
    globalThis.addEventListener?.('pagehide', () => diskCache.disconnect('The page was left before the response'));
  }
  return connect(signal, to);
}
