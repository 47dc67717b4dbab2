import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { type Experiment, evaluateWithTimeout } from './experiment.ts';

/** Heads that a server may send and `new Response` may refuse, byte for byte. */
const HEADS: Readonly<Record<string, Buffer>> = {
  '/latin-1': Buffer.from('HTTP/1.1 200 OK\r\nx-odd: caf\xe9', 'latin1'),
  '/utf-8': Buffer.from('HTTP/1.1 200 OK\r\nx-odd: café €', 'utf8'),
  '/reason': Buffer.from('HTTP/1.1 200 D’accord €', 'utf8'),
  '/999': Buffer.from('HTTP/1.1 999 Request denied', 'latin1'),
  '/plain': Buffer.from('HTTP/1.1 200 OK', 'latin1'),
};

/** A server that sends these heads, which Node's own would not. */
async function startServer(): Promise<{ readonly url: string } & AsyncDisposable> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (request) => {
      const path = /^GET (\S+)/.exec(request.toString('latin1'))?.[1] ?? '';
      const rest = '\r\naccess-control-allow-origin: *\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok';
      socket.end(Buffer.concat([HEADS[path] ?? Buffer.from('HTTP/1.1 404 Not Found'), Buffer.from(rest)]));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

export const oddAnswers: Experiment = {
  question: 'Does a page get answers with odd header bytes and an odd status under host.offline?',
  expected:
    '/latin-1: 200; /utf-8: 200; /reason: 200; /999: TypeError; /plain: 200; uncaught in the main process: nothing',
  async run(lab) {
    await using server = await startServer();
    const { app, page } = await lab.start('--offline');
    const answers: string[] = [];
    for (const path of Object.keys(HEADS)) {
      answers.push(
        `${path}: ${await evaluateWithTimeout(page, `fetch('${server.url}${path}').then((it) => it.status)`)}`,
      );
    }
    const uncaught = [...app.output().matchAll(/^uncaught: (.*)$/gm)].map(([, message]) => message);
    return `${answers.join('; ')}; uncaught in the main process: ${uncaught.join(', ') || 'nothing'}`;
  },
};
