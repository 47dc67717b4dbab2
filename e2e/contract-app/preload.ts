/** The tiny application's preload: hands the page the port that main sends, as deskcache's own does, and asks main on the page's behalf. */
import { contextBridge, ipcRenderer } from 'electron';

ipcRenderer.on('app:port', (event, nonce: string) => window.postMessage({ nonce }, '*', [...event.ports]));
window.addEventListener('message', (event) => {
  if (event.source === window && typeof event.data?.wants === 'string')
    ipcRenderer.send('app:connect', event.data.wants);
});
Object.assign(globalThis, { secretOfThePreload: true });
ipcRenderer.send('app:hello');

/** What happened here, in order. */
const order: string[] = [];
ipcRenderer.on('app:note', (_event, note: string) => order.push(note));

function askMain(what: string): unknown {
  const answer: unknown = ipcRenderer.sendSync('app:ask', what);
  order.push(`answered ${what}`);
  return answer;
}

class Point {
  readonly x = 1;
  getX(): number {
    return this.x;
  }
}

const list: unknown[] = [1, { date: new Date(0) }];
const exposed = {
  list,
  sameList: list,
  map: new Map([['entry', { x: 1 }]]),
  bytes: new Uint8Array([1, 2]),
  big: 2n ** 80n,
  error: new TypeError('no type'),
  point: new Point(),
  isIsolated: process.contextIsolated,
  ask: askMain,
  /** As structured clone copies it; not part by part. */
  askWhole: (what: string) => new Map([['value', askMain(what)]]),
  getOrder: () => order,
  fail: () => {
    throw new RangeError('out of range');
  },
  exposeAgain(): string {
    try {
      contextBridge.exposeInMainWorld('bridged', {});
      return 'no error';
    } catch (error) {
      return (error as Error).message;
    }
  },
};
contextBridge.exposeInMainWorld('bridged', exposed);

declare global {
  var bridged: Exposed;
}
type Exposed = typeof exposed;
