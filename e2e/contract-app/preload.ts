/** The tiny application's preload: hands the page the port that main sends, as deskcache's own does. */
import { ipcRenderer } from 'electron';

ipcRenderer.on('app:port', (event, nonce: string) => window.postMessage({ nonce }, '*', [...event.ports]));
window.addEventListener('message', (event) => {
  if (event.source === window && typeof event.data?.wants === 'string')
    ipcRenderer.send('app:connect', event.data.wants);
});
Object.assign(globalThis, { secretOfThePreload: true });
ipcRenderer.send('app:hello');
