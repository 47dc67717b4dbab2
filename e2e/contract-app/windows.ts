import { join } from 'node:path';
import { BrowserWindow, type IpcMainEvent, type WebContents } from 'electron';
import { eventLog } from './event-log.ts';
import { connectPage } from './port-commands.ts';
import { SAMPLES } from './sample-values.ts';

export const PRELOAD_PATH = join(import.meta.dirname, 'preload.cjs');
const EVENTS = ['dom-ready', 'did-finish-load', 'destroyed'] as const;

/** A window that writes down what happens to it, and connects pages that ask. */
export async function openWindow(url: string, inSubframes = false, partition = ''): Promise<void> {
  const window = new BrowserWindow({
    width: 480,
    height: 320,
    webPreferences: {
      preload: PRELOAD_PATH,
      sandbox: true,
      contextIsolation: true,
      nodeIntegrationInSubFrames: inSubframes,
      partition,
    },
  });
  const { webContents } = window;
  logEvents(webContents);
  window.on('closed', () => eventLog.push('closed'));
  webContents.ipc.on('app:hello', (event) => {
    const frame = event.senderFrame;
    eventLog.push(`hello from ${frame?.origin} at ${frame?.url}${frame?.parent ? ' in a subframe' : ''}`);
  });
  webContents.ipc.on('app:connect', (event, nonce: string) => {
    const frame = event.senderFrame;
    connectPage((port) => frame?.postMessage('app:port', nonce, [port]), !nonce.startsWith('waiting'));
  });
  webContents.ipc.on('app:ask', answerSync);
  await window.loadURL(url).catch((error) => eventLog.push(`load failed: ${error.code}`));
}

/** The answer to a synchronous message may come later; the first one counts. */
function answerSync(event: IpcMainEvent, what: string): void {
  if (what === 'later') {
    event.sender.send('app:note', 'sent before the answer');
    setTimeout(() => {
      event.returnValue = 'late';
    }, 50);
  } else if (what === 'twice') for (const time of ['first', 'second']) event.returnValue = time;
  else event.returnValue = SAMPLES[what];
}

function logEvents(contents: WebContents): void {
  contents.on('did-start-navigation', ({ url, isSameDocument, isMainFrame }) => {
    if (isMainFrame) eventLog.push(`did-start-navigation ${url}${isSameDocument ? ' in the same document' : ''}`);
  });
  for (const name of EVENTS) contents.on(name as 'destroyed', () => eventLog.push(name));
  contents.on('render-process-gone', (_event, { reason }) => eventLog.push(`gone: ${reason}`));
  contents.on('did-frame-navigate', (_event, url, status, _text, isMainFrame) =>
    eventLog.push(`did-frame-navigate ${url} ${status}${isMainFrame ? '' : ' in a subframe'}`),
  );
  contents.on('did-navigate', (_event, _url, status) => eventLog.push(`did-navigate ${status}`));
  contents.on('did-fail-provisional-load', (_event, code) => eventLog.push(`did-fail-provisional-load ${code}`));
  contents.on('did-fail-load', (_event, _code, description) => eventLog.push(`did-fail-load ${description}`));
  contents.on('will-navigate', (event) => {
    eventLog.push(`will-navigate ${event.url}`);
    if (event.url.includes('forbidden')) event.preventDefault();
  });
  contents.setWindowOpenHandler(({ url }) => {
    eventLog.push(`window.open ${url}`);
    return { action: 'deny' };
  });
}
