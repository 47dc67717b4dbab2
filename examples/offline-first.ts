/**
 * One URL while the server answers, has newer content, and is gone: what the application gets, and where it came from.
 */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Cache } from 'deskcache/engine';
import { getCacheStatus, Offline, type Strategy } from 'deskcache/offline';

/** A clock for both sides, so that the example doesn't wait for an hour. */
let now = Date.now();
let news = 'It rains.';
const server = createServer((request, response) => {
  const etag = JSON.stringify(news);
  const fields = { etag, date: new Date(now).toUTCString(), 'cache-control': 'max-age=3600' };
  if (request.headers['if-none-match'] === etag) response.writeHead(304, fields).end();
  else response.writeHead(200, fields).end(news);
});
await once(server.listen(0, '127.0.0.1'), 'listening');
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/weather`;

const directory = mkdtempSync(join(tmpdir(), 'deskcache-offline-first-'));
const cache = new Cache(directory, { evictionPolicy: 'least-recently-used', sizeLimit: 64 * 2 ** 20 });
const offline = new Offline({ cache, fetch, clock: () => now });

async function fetchAndPrint(when: string, strategy: Strategy = 'stale-while-revalidate'): Promise<void> {
  const response = await offline.fetch(url, { strategy });
  console.log(`${when}: ${await response.text()} (${getCacheStatus(response)})`);
}

await fetchAndPrint('The first time');
await fetchAndPrint('At once again');
now += 3_600_000;
news = 'The sun is out.';
await fetchAndPrint('An hour later'); // the stored response at once; the new one is fetched in the background
await fetchAndPrint('Who waits for that', 'http');
server.close();
server.closeAllConnections();
now += 24 * 3_600_000;
await fetchAndPrint('Without the server');

cache.close();
rmSync(directory, { recursive: true });
