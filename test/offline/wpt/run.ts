/**
 * Runs one file of the web-platform-tests in this process, as a page would: `node run.ts <checkout> <file> <directory> <where>`. Writes
 * the results of its tests to standard output as JSON: names, and messages of the failed ones. `where` selects the CacheStorage: that of
 * the `main` process, or that of a `page`, over a port.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { runInThisContext } from 'node:vm';
import { MessageChannel } from 'node:worker_threads';
import type { MessagePortLike } from '../../../client/port-connection.ts';
import { openHttpSession } from '../../../main/bridge/http/http-session.ts';
import { Cache } from '../../../main/engine/index.ts';
import { CacheStorage, WebCache } from '../../../main/offline/index.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import { DiskCache } from '../../../renderer-api/disk-cache.ts';
import { RemoteCacheStorage } from '../../../renderer-api/http/remote-caches.ts';
import { RemoteWebCache } from '../../../renderer-api/http/remote-web-cache.ts';
import { startWptServer } from './server.ts';

interface Outcome {
  readonly name: string;
  readonly status: number;
  readonly message: string | null;
}

const [root, file, directory, where] = process.argv.slice(2) as [string, string, string, 'main' | 'page'];
const origin = await startWptServer(root);
const location = new URL(`/${file}`, origin);
const Plain = Request;

/** As in a page, relative URLs are resolved against the page. */
class PageRequest extends Plain {
  constructor(input: string | URL | Request, init?: RequestInit) {
    super(input instanceof Plain ? input : new URL(String(input), location), init);
  }
}

/** As in a page, with its cookies. */
let cookies = '';
const network = globalThis.fetch;
async function pageFetch(input: string | URL | Request, init?: RequestInit): Promise<Response> {
  const request = new PageRequest(input, init);
  const headers = new Headers(request.headers);
  if (request.credentials !== 'omit' && cookies !== '') headers.set('cookie', cookies);
  const response = await network(new Plain(request, { headers }));
  const [set] = response.headers.getSetCookie();
  if (set !== undefined) cookies = set.includes('Max-Age=0') ? '' : set;
  return response;
}

/** As in a page, as far as the tests read by it. */
class FileReader {
  result: string | null = null;
  onloadend: ((event: { readonly target: FileReader }) => void) | null = null;

  readAsText(blob: Blob): void {
    void blob.text().then((text) => {
      this.result = text;
      this.onloadend?.({ target: this });
    });
  }
}

const store = new Cache(directory, { evictionPolicy: 'none' });
const inMain = () => new CacheStorage({ cache: store, fetch: pageFetch });

/** The same over the port of a page. */
function inPage(): RemoteCacheStorage {
  const backing = {
    caches: inMain,
    getHandler(): never {
      throw new DiskCacheError('NOT_ALLOWED', 'Nothing is fetched here');
    },
  };
  const connect = async () => {
    const { port1, port2 } = new MessageChannel();
    openHttpSession(port1 as never, { stores: { '*': 'admin', '@fetch': 'read' } }, backing);
    return port2 as unknown as MessagePortLike;
  };
  return new DiskCache(connect).caches;
}

const cacheStorages = {
  main: () => ({ Cache: WebCache, CacheStorage, caches: inMain() }),
  page: () => ({ Cache: RemoteWebCache, CacheStorage: RemoteCacheStorage, caches: inPage() }),
};
const page = {
  self: globalThis,
  location,
  Request: PageRequest,
  fetch: pageFetch,
  FileReader,
  ...cacheStorages[where](),
  GLOBAL: { isWindow: () => false, isWorker: () => false, isShadowRealm: () => false },
  get_host_info: () => ({ REMOTE_HOST: 'localhost', HTTPS_REMOTE_ORIGIN: origin.replace('127.0.0.1', 'localhost') }),
};
for (const [name, value] of Object.entries(page))
  Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });

const load = (path: string): unknown => runInThisContext(readFileSync(join(root, path), 'utf8'), { filename: path });
load('resources/testharness.js');
const harness = globalThis as unknown as {
  add_completion_callback(done: (tests: readonly Outcome[]) => void): void;
};
harness.add_completion_callback((tests) => {
  const outcome = tests.map(({ name, status, message }) => ({
    name,
    fault: status === 0 ? null : (message ?? 'failed'),
  }));
  process.stdout.write(JSON.stringify(outcome), () => process.exit(0));
});
const source = readFileSync(join(root, file), 'utf8');
for (const [, script = ''] of source.matchAll(/^\/\/ META: script=(.*)$/gm)) {
  if (!script.includes('get-host-info')) load(script.startsWith('/') ? script : join(dirname(file), script));
}
load(file);
