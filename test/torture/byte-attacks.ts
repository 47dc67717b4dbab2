import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import type { Grant } from '../../main/bridge/grant.ts';
import type { HttpBackend } from '../../main/bridge/http/calls.ts';
import { openHttpSession } from '../../main/bridge/http/http-session.ts';
import { Principal } from '../../main/bridge/principal.ts';
import { Cache } from '../../main/engine/index.ts';
import { CacheStorage } from '../../main/offline/index.ts';
import { CACHES_GRANT } from '../../protocol/http.ts';
import { cache, deque, index } from '../../protocol/stores.ts';
import { openBridge } from '../bridge/bridge-fixture.ts';
import { openRawPort } from '../bridge/raw-port.ts';

/*
 * Every way in which a page writes, each with what it may hope isn't counted: names, text of errors, one value in many items, uploads.
 * Each is repeated until the grant is used up and beyond, and then the disk usage is measured.
 */

const MIB = 2 ** 20;
const GRANTED_BYTES = 2 * MIB;
/** Rows lie in pages, value files in blocks, and the index and the inner pages of a tree come on top. */
const OVERHEAD_BYTES = GRANTED_BYTES / 2;
/** So often a page goes on after a refusal. */
const MAX_REFUSALS = 10;
const MAX_WRITES = 1000;

export interface Written {
  readonly way: string;
  readonly writes: number;
  /** By how much the files on the disk have grown, all stores together. */
  readonly bytes: number;
  readonly grantedBytes: number;
  readonly maxBytes: number;
}

type Page = ReturnType<typeof openRawPort>;
type Write = (page: Page, n: number) => Promise<unknown>;

const times = <T>(many: number, make: (n: number) => T): T[] => Array.from({ length: many }, (_, n) => make(n));
const text = (n: number, length = 60_000) => `${n} `.padEnd(length, 'x');
const key = (n: number) => `${n} `.padEnd(900, 'k');
const one =
  (make: (n: number) => unknown[]): Write =>
  (page, n) =>
    page.one(...make(n));
const set = (make: (n: number) => unknown): Write => one((n) => ['own', 'set', n, make(n)]);
const shared = new Uint8Array(50_000);
const row = { text: text(0, 5000) };

const CALLS: Readonly<Record<string, Write>> = {
  text: set(text),
  'wide text': set((n) => text(n, 30_000).replaceAll('x', '中')),
  'text with escapes': one((n) => ['json', 'set', n, text(n, 10_000).replaceAll('x', '\0')]),
  bytes: set(() => shared),
  'the text of an error': set((n) => new Error(text(n))),
  'the stack of an error': set((n) => Object.assign(new Error('e'), { stack: text(n) })),
  'the name of an error': set((n) => Object.assign(new Error('e'), { name: text(n) })),
  'the cause of an error': set((n) => new Error('e', { cause: new Error(text(n)) })),
  'names of properties': set((n) => ({ [text(n)]: 1 })),
  'names on an array': set((n) => Object.assign([1], { [text(n)]: 1 })),
  'the source of an expression': set((n) => new RegExp(text(n))),
  'a large integer': set((n) => 2n ** 400_000n + BigInt(n)),
  'boxed text': set((n) => Object(text(n)) as unknown),
  'keys of a map': set((n) => new Map(times(50, (k) => [text(k + n, 1000), 1]))),
  'a set': set((n) => new Set(times(50, (k) => text(k + n, 1000)))),
  numbers: set(() => times(8000, (n) => n * 0.1)),
  'empty objects': set(() => times(5000, () => ({}))),
  holes: set(() => Object.assign(new Array(9000), { 8999: 1 })),
  'views of a buffer': set((n) => new DataView(new ArrayBuffer(50_000), 0, 1 + (n % 9))),
  'one view of many': set(() => times(50, (n) => new Uint8Array(shared.buffer, n, 10))),
  'one value in many entries': one((n) => ['own', 'setMany', times(20, (k) => [`${n} ${k}`, shared])]),
  'entries of a map': one((n) => ['own', 'setMany', new Map(times(20, (k) => [`${n} ${k}`, shared]))]),
  'one value in many jobs': one(() => ['@queue/jobs', 'enqueueMany', times(20, () => ({ payload: shared }))]),
  'keys of jobs': one((n) => ['@queue/jobs', 'enqueue', 1, { dedupeKey: key(n) }]),
  'groups of jobs': one((n) => ['@queue/jobs', 'enqueue', 1, { group: key(n) }]),
  'one value at the back': one(() => ['list', 'extend', times(20, () => shared)]),
  'one value at the front': one(() => ['list', 'unshift', ...times(20, () => shared)]),
  'values of a deque': one((n) => ['list', 'push', text(n)]),
  'one row in many places of JSON': one((n) => ['json', 'set', n, times(40, () => row)]),
  add: one((n) => ['own', 'add', n, text(n)]),
  'push to a cache': one((n) => ['own', 'push', text(n), { prefix: key(n) }]),
  'long keys': one((n) => ['own', 'set', key(n), 1]),
  'long keys of an index': one((n) => ['facts', 'setDefault', key(n), 1]),
  tags: one((n) => ['own', 'set', n, 1, { tag: text(n, 20_000) }]),
  'tags of numbers': one((n) => ['own', 'incr', n, 1, { tag: text(n, 20_000) }]),
  'a batch': one((n) => ['own', 'batch', times(20, (k) => ({ set: [`${n} ${k}`, shared] }))]),
  'a batch that fails': one((n) => ['own', 'batch', [{ set: [n, text(n)] }, { if: { key: 'none', exists: true } }]]),
  'tiny items': (page, n) => page.run(...times(300, (k) => ['own', 'set', n * 300 + k, 1])),
  'uploads that end': async (page, n) => {
    const stream = await page.one('own', 'openUpload', n);
    await page.one('own', 'sendChunk', stream, shared);
    await page.one('own', 'sendChunk', stream, shared);
    await page.one('own', 'endUpload', stream);
  },
  'uploads that never end': async (page, n) => {
    const stream = await page.one('own', 'openUpload', n);
    for (;;) await page.one('own', 'sendChunk', stream, shared);
  },
  'tags of uploads': async (page, n) => {
    const stream = await page.one('own', 'openUpload', n, { tag: text(n, 20_000) });
    await page.one('own', 'endUpload', stream);
  },
};

const request = (n: number, headers: [string, string][] = []) => ({ url: `app://a/${n}`, method: 'GET', headers });
const response = (n: number, given: object) => ({
  url: `app://a/${n}`,
  status: 200,
  statusText: '',
  headers: [] as [string, string][],
  redirected: false,
  type: 'basic',
  body: null,
  ...given,
});

/** Of CacheStorage. */
async function run(page: Page, call: object): Promise<unknown> {
  const { value } = await page.call('caches', { id: Math.random(), ...call });
  const outcome = value as unknown as { readonly value?: unknown; readonly fault?: { readonly code?: string } };
  if (outcome.fault) throw Object.assign(new Error(), { code: outcome.fault.code });
  return outcome.value;
}
const put =
  (make: (n: number) => object): Write =>
  async (page, n) => {
    const cache = await run(page, { method: 'open', name: 'one' });
    await run(page, { method: 'put', cache, requests: [request(n)], ...make(n) });
  };

const CACHES_CALLS: Readonly<Record<string, Write>> = {
  'names of caches': (page, n) => run(page, { method: 'open', name: text(n, 20_000) }),
  bodies: put((n) => ({ response: response(n, { body: shared }) })),
  'heads of responses': put((n) => ({
    response: response(n, { headers: times(20, (k) => [`x-${k}`, text(n, 2000)]) }),
  })),
  'heads of requests': put((n) => ({
    requests: [
      request(
        n,
        times(20, (k) => [`x-${k}`, text(n, 2000)]),
      ),
    ],
    response: response(n, {}),
  })),
  'status texts': put((n) => ({ response: response(n, { statusText: text(n, 20_000) }) })),
  addresses: put((n) => ({
    requests: [{ ...request(n), url: `app://a/${text(n, 20_000)}` }],
    response: response(n, {}),
  })),
};

const sizeOf = (directory: string): number =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((file) => file.isFile())
    .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);

async function exhaust(page: Page, write: Write): Promise<number> {
  let refusals = 0;
  let writes = 0;
  for (let n = 0; refusals < MAX_REFUSALS && n < MAX_WRITES; n++) {
    try {
      const answer = (await write(page, n)) as readonly unknown[] | undefined;
      const failures = Array.isArray(answer) ? (answer[2] as readonly unknown[] | undefined) : undefined;
      if (failures?.length) refusals++;
      else writes++;
    } catch {
      refusals++;
    }
  }
  return writes;
}

/** Tries one way after the other, each with stores and a grant of its own. */
export async function* attackBytes(): AsyncGenerator<Written, void, void> {
  const grant: Grant = { stores: { '*': 'write', [CACHES_GRANT]: 'write' }, bytes: GRANTED_BYTES };
  const written = (way: string, writes: number, bytes: number): Written => ({
    way,
    writes,
    bytes,
    grantedBytes: GRANTED_BYTES,
    maxBytes: GRANTED_BYTES + OVERHEAD_BYTES,
  });
  for (const [way, write] of Object.entries(CALLS)) {
    const options = { durability: 'process' } as const;
    const stores = {
      own: cache(options),
      json: cache({ ...options, codec: 'json' }),
      list: deque(options),
      facts: index(options),
    };
    using bridge = openBridge({ stores });
    for (const name of Object.keys(stores)) bridge.registry.get(name);
    bridge.queues.find('jobs', options);
    // All stores and queues of the application.
    const directory = dirname(bridge.cacheInMain('own').directory);
    const before = sizeOf(directory);
    const port = bridge.rawPort(grant, new Principal());
    const writes = await exhaust(openRawPort(port), write);
    port.close();
    // The logs, which are bounded by themselves, are written back.
    bridge.queues.close();
    bridge.registry.close();
    yield written(way, writes, sizeOf(directory) - before);
  }
  for (const [way, write] of Object.entries(CACHES_CALLS)) {
    const directory = mkdtempSync(join(tmpdir(), 'deskcache-bytes-'));
    using cache = new Cache(directory, { evictionPolicy: 'none' });
    const caches = new CacheStorage({ cache, fetch, schemes: ['app'] });
    const before = sizeOf(directory);
    const { port1, port2 } = new MessageChannel();
    const backing: HttpBackend = {
      getHandler: () => {
        throw new TypeError('There is no network');
      },
      caches: () => caches,
    };
    openHttpSession(port1 as never, grant, backing, new Principal());
    const writes = await exhaust(openRawPort(port2), write);
    port2.close();
    cache.close();
    yield written(way, writes, sizeOf(directory) - before);
    rmSync(directory, { recursive: true, force: true });
  }
}
