import { join } from 'node:path';
import { BrowserWindow, type WebContents } from 'electron';
import { notes } from './notes.ts';
import { connect } from './ports.ts';

export const PRELOAD = join(import.meta.dirname, 'preload.cjs');
const EVENTS = ['dom-ready', 'did-finish-load', 'destroyed'] as const;

/** A window that writes down what happens to it, and connects pages that ask. */
export async function openWindow(url: string, inSubframes = false, partition = ''): Promise<void> {
  const window = new BrowserWindow({
    width: 480,
    height: 320,
    webPreferences: {
      preload: PRELOAD,
      sandbox: true,
      contextIsolation: true,
      nodeIntegrationInSubFrames: inSubframes,
      partition,
    },
  });
  const { webContents } = window;
  watch(webContents);
  window.on('closed', () => notes.push('closed'));
  webContents.ipc.on('app:hello', (event) => {
    const frame = event.senderFrame;
    notes.push(`hello from ${frame?.origin} at ${frame?.url}${frame?.parent ? ' in a subframe' : ''}`);
  });
  webContents.ipc.on('app:connect', (event, nonce: string) => {
    const frame = event.senderFrame;
    connect((port) => frame?.postMessage('app:port', nonce, [port]), !nonce.startsWith('waiting'));
  });
  await window.loadURL(url).catch((error) => notes.push(`load failed: ${error.code}`));
}

function watch(contents: WebContents): void {
  contents.on('did-start-navigation', ({ url, isSameDocument, isMainFrame }) => {
    if (isMainFrame) notes.push(`did-start-navigation ${url}${isSameDocument ? ' in the same document' : ''}`);
  });
  for (const name of EVENTS) contents.on(name as 'destroyed', () => notes.push(name));
  contents.on('render-process-gone', (_event, { reason }) => notes.push(`gone: ${reason}`));
  contents.on('did-frame-navigate', (_event, url, status, _text, isMainFrame) =>
    notes.push(`did-frame-navigate ${url} ${status}${isMainFrame ? '' : ' in a subframe'}`),
  );
  contents.on('did-navigate', (_event, _url, status) => notes.push(`did-navigate ${status}`));
  contents.on('did-fail-provisional-load', (_event, code) => notes.push(`did-fail-provisional-load ${code}`));
  contents.on('did-fail-load', (_event, _code, description) => notes.push(`did-fail-load ${description}`));
  contents.on('will-navigate', (event) => {
    notes.push(`will-navigate ${event.url}`);
    if (event.url.includes('forbidden')) event.preventDefault();
  });
  contents.setWindowOpenHandler(({ url }) => {
    notes.push(`window.open ${url}`);
    return { action: 'deny' };
  });
}
