/**
 * `deskcache/preload`: asks the main process for a port and hands it to the page. It runs sandboxed and isolated, exposes
 * no function, and passes on only what the handshake names (protocol/handshake.ts).
 */
import { ipcRenderer } from 'electron';
import {
  CONNECT_CHANNEL,
  type Heard,
  isConnectRequest,
  isGone,
  isPortAnswer,
  PORT_CHANNEL,
} from '../protocol/handshake.ts';

/** A window may have this script twice, its own and that of a session with `host.install`: one of them does the work. */
const RUNS = Symbol.for('deskcache');

if (!Object.hasOwn(globalThis, RUNS)) {
  Object.defineProperty(globalThis, RUNS, { value: true });
  serve();
}

function serve(): void {
  /** Invariant: a nonce leaves when its port arrives, so a port reaches the page once and only if the page asked. */
  const asked = new Set<string>();
  /** Whose port the page was given. */
  const handed = new Set<string>();

  window.addEventListener('message', ({ source, data }: MessageEvent<unknown>) => {
    if (source !== window || !isConnectRequest(data)) return;
    asked.add(data.nonce);
    ipcRenderer.send(CONNECT_CHANNEL, data.nonce, data.to ?? 'stores');
    window.postMessage({ deskcache: 'heard', nonce: data.nonce } satisfies Heard, '*');
  });

  ipcRenderer.on(PORT_CHANNEL, ({ ports }, answer: unknown) => {
    if (isPortAnswer(answer) && asked.delete(answer.nonce)) {
      // The target is this very window; '*' because file: and custom schemes have no origin that could be named here.
      window.postMessage(answer, '*', [...ports]);
      if (ports.length > 0) handed.add(answer.nonce);
    } else {
      for (const port of ports) port.close();
      if (isGone(answer) && handed.delete(answer.nonce)) window.postMessage(answer, '*');
    }
  });
}
