import { DiskCacheError, fromErrorData, isErrorData } from '../protocol/error.ts';
import { type ConnectRequest, isSaidTo, type Purpose } from '../protocol/handshake.ts';
import { toHex } from '../protocol/hex.ts';

/** The page may be up before the main process listens, so it asks again; main answers a nonce once. */
const ASK_AGAIN_EVERY = 200;
/**
 * A preload script runs before the page's first line and says in the next task that it has heard. Counted in times asked and not
 * in milliseconds, for a page that is busy hears nothing and asks nothing.
 */
const ASKED_IN_VAIN = 5;

/**
 * A port to the main process, by the handshake of protocol/handshake.ts. Waits until it is answered; `signal` gives up.
 *
 * @throws {DiskCacheError} `NOT_ALLOWED` when this page was granted nothing, `DISCONNECTED` when `signal` gave up, after a
 * second in a page without the preload script, and at once where there is no window.
 */
export async function connect(signal: AbortSignal, to: Purpose): Promise<MessagePort> {
  if (typeof window === 'undefined') throw noWindow();
  const nonce = drawNonce();
  return new Promise((resolve, reject) => {
    // Kept: a test environment takes its window away before a timer is done.
    const page = window;
    let asked = 0;
    let heard = false;

    function ask(): void {
      if (!heard && asked++ === ASKED_IN_VAIN) fail(noPreload());
      else page.postMessage({ deskcache: 'connect', nonce, to } satisfies ConnectRequest, '*');
    }

    function onMessage({ source, data, ports }: MessageEvent<unknown>): void {
      if (source !== page || !isSaidTo(nonce, data)) return;
      if (data.deskcache === 'heard') heard = true;
      if (data.deskcache !== 'port') return;
      done();
      const [port] = ports;
      if (port) resolve(hearingOfItsEnd(port, nonce));
      else reject(isErrorData(data.error) ? fromErrorData(data.error) : unanswered());
    }
    const onAbort = () => fail(heard ? unanswered() : noPreload());
    function fail(why: DiskCacheError): void {
      done();
      reject(why);
    }
    function done(): void {
      clearInterval(asking);
      page.removeEventListener('message', onMessage);
      signal.removeEventListener('abort', onAbort);
    }

    page.addEventListener('message', onMessage);
    signal.addEventListener('abort', onAbort);
    const asking = setInterval(ask, ASK_AGAIN_EVERY);
    ask();
  });
}

/** A process that was killed doesn't close its ports everywhere; main says so, and that is the port's end, too. */
function hearingOfItsEnd(port: MessagePort, nonce: string): MessagePort {
  function onMessage({ source, data }: MessageEvent<unknown>): void {
    if (source === window && isSaidTo(nonce, data) && data.deskcache === 'gone') port.dispatchEvent(new Event('close'));
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
const drawNonce = (): string => toHex(crypto.getRandomValues(new Uint8Array(16)));

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
