/** Main's side of the ports in the contract test. */
import { MessageChannelMain, type MessagePortMain } from 'electron';
import type { AppCommand } from './app-command.ts';
import { eventLog } from './event-log.ts';
import { describeValue, SAMPLES } from './sample-values.ts';
import { sendPortToChild } from './utility-commands.ts';

/** Main's end of the newest channel to a page. */
let port: MessagePortMain | undefined;
let received: string[] = [];
/** The last port that came in a message, kept without being started. */
let receivedPort: MessagePortMain | undefined;

/** Makes a channel; the page gets the other end. Messages are kept as descriptions once the port is started. */
export function connectPage(send: (port: MessagePortMain) => void, started: boolean): void {
  const { port1, port2 } = new MessageChannelMain();
  received = [];
  port1.on('message', ({ data, ports }) => {
    received.push(describeValue(data));
    receivedPort = ports[0];
    if (data === 'echo') port1.postMessage('echoed');
  });
  port1.on('close', () => eventLog.push('port closed'));
  if (started) port1.start();
  port = port1;
  send(port2);
}

class Point {
  x = 1;
  get double(): number {
    return this.x * 2;
  }
}

/** What the main process can't post, and what it posts without its contents. */
const UNCLONABLE: Readonly<Record<string, () => unknown>> = {
  function: () => () => {},
  symbol: () => Symbol('s'),
  promise: () => Promise.resolve(),
  proxy: () => new Proxy({}, {}),
  'weak map': () => ({ deep: [new WeakMap()] }),
  'shared memory': () => new SharedArrayBuffer(8),
  'port in the body': () => ({ port: new MessageChannelMain().port1 }),
};
const EMPTIED: Readonly<Record<string, () => unknown>> = {
  response: () => new Response('x'),
  headers: () => new Headers({ a: 'b' }),
  url: () => new URL('https://a.example/'),
  blob: () => new Blob(['x']),
  stream: () => new ReadableStream(),
  instance: () => new Point(),
};

export const PORT_COMMANDS: Readonly<Record<string, AppCommand>> = {
  received: () => received.splice(0),
  post: (name) => port!.postMessage(SAMPLES[name!]),
  postEmptied: (name) => port!.postMessage(EMPTIED[name!]!()),
  postUnclonable: (name) => port!.postMessage(UNCLONABLE[name!]!()),
  postTransferringBuffer: () => {
    const buffer = new ArrayBuffer(8);
    port!.postMessage(buffer, [buffer as unknown as MessagePortMain]);
  },
  postPort: () => {
    const { port1, port2 } = new MessageChannelMain();
    port1.on('message', ({ data }) => port1.postMessage(`second channel: ${data}`));
    port1.start();
    port!.postMessage('a port', [port2]);
  },
  startPort: () => port!.start(),
  closePort: () => port!.close(),
  passPortToChild: () => sendPortToChild(receivedPort!),
  answerOnPassedPort: (text) => receivedPort!.postMessage(text),
};
