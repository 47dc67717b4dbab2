/**
 * `deskcache/preload`: asks the main process for a port and hands it to the page. It runs sandboxed and isolated, exposes
 * no function, and passes on only what the handshake names (protocol/handshake.ts).
 */
import { ipcRenderer } from 'electron';
import {
  type Acknowledged,
  CONNECT_CHANNEL,
  isConnectRequest,
  isPeerGone,
  isPortAnswer,
  PORT_CHANNEL,
} from '../protocol/handshake.ts';

/** A window may run this script twice, as its own preload and as that of a session with `host.install`: only one does the work. */
const INSTALLED = Symbol.for('deskcache');

if (!Object.hasOwn(globalThis, INSTALLED)) {
  Object.defineProperty(globalThis, INSTALLED, { value: true });
  forwardHandshakes();
}

function forwardHandshakes(): void {
  /** Invariant: a nonce leaves when its port arrives, so a port reaches the page once and only if the page asked. */
  const pendingNonces = new Set<string>();
  /** Nonces whose port the page has received. */
  const connectedNonces = new Set<string>();

  window.addEventListener('message', ({ source, data }: MessageEvent<unknown>) => {
    if (source !== window || !isConnectRequest(data)) return;
    pendingNonces.add(data.nonce);
    ipcRenderer.send(CONNECT_CHANNEL, data.nonce, data.to ?? 'stores');
    window.postMessage({ deskcache: 'heard', nonce: data.nonce } satisfies Acknowledged, '*');
  });

  ipcRenderer.on(PORT_CHANNEL, ({ ports }, answer: unknown) => {
    if (isPortAnswer(answer) && pendingNonces.delete(answer.nonce)) {
      // The target is this very window; '*' because file: and custom schemes have no origin that could be named here.
      window.postMessage(answer, '*', [...ports]);
      if (ports.length > 0) connectedNonces.add(answer.nonce);
    } else {
      for (const port of ports) port.close();
      if (isPeerGone(answer) && connectedNonces.delete(answer.nonce)) window.postMessage(answer, '*');
    }
  });
}
