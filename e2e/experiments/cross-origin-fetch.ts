import { startOrigin } from '../http-origin.ts';
import { type Experiment, evaluateWithTimeout, sendCommand, waitForPage } from './experiment.ts';

/** A page of another site, in a session with `host.offline`, against a server where the user is logged in. */
export const crossOriginFetch: Experiment = {
  question: 'What does a page of another site get and send under host.offline?',
  expected:
    'closed to it: TypeError; with credentials: TypeError; from the store: TypeError; open to all: read; JSON posted: no; cookies sent: none',
  async run(lab) {
    const cookies: string[] = [];
    let posts = 0;
    await using server = await startOrigin((request, response) => {
      const path = request.url ?? '/';
      if (path === '/login') response.setHeader('set-cookie', 'user=ada; Path=/');
      else if (request.headers.cookie) cookies.push(path);
      if (path === '/open') response.setHeader('access-control-allow-origin', '*');
      if (path === '/kept') response.setHeader('cache-control', 'max-age=600');
      if (request.method === 'POST') posts++;
      response.end('read');
    });
    const { app, page } = await lab.start('--offline');
    await sendCommand(page, 'fetch', `${server.url}/login`);
    // Answered by the application: a server on this machine counts as its own while it is not packaged.
    await sendCommand(page, 'open', 'https://evil.example/');
    const stranger = await waitForPage(app, 'https://evil.example/');
    await stranger.waitForFunction(`document.title === 'Another site'`);

    const read = (path: string, init = '{}') =>
      evaluateWithTimeout(stranger, `fetch('${server.url}${path}', ${init}).then((it) => it.text())`);
    const closed = await read('/closed');
    const withCredentials = await read('/me', `{ credentials: 'include' }`);
    await evaluateWithTimeout(stranger, `fetch('${server.url}/kept', { mode: 'no-cors' })`);
    const stored = await read('/kept');
    const open = await read('/open');
    await read('/json', `{ method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } }`);
    await evaluateWithTimeout(stranger, `fetch('${server.url}/quiet', { mode: 'no-cors', credentials: 'include' })`);
    return [
      `closed to it: ${closed}; with credentials: ${withCredentials}; from the store: ${stored}; open to all: ${open}`,
      `JSON posted: ${posts === 0 ? 'no' : 'yes'}; cookies sent: ${cookies.join(', ') || 'none'}`,
    ].join('; ');
  },
};
